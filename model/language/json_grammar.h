// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/language/json_schema.h"

#include <array>
#include <string>
#include <vector>

namespace vlm {

/// Which bytes may come next in compact JSON that fits a schema, as a set of threads, one for each
/// way to read what was written so far. Every state that can be reached can be completed. There is
/// no white space but one space at the very start, with which some vocabularies begin every text.
/// Strings are UTF-8 with the short escapes, no \u; numbers have no exponent.
class JsonGrammar {
public:
  /// Error(Settings) as JsonSchema::parse.
  explicit JsonGrammar(std::string_view schema) : schema_(JsonSchema::parse(schema)) {}

  /// Where a thread is inside one value.
  struct Frame {
    uint16_t node;
    uint16_t phase;
    int32_t count; ///< bytes of a literal, characters, items, members or digits so far
    int64_t value; ///< Integer: so far; String: what may continue a character
  };
  /// A value inside a value inside ...; empty: the whole is complete.
  class Thread {
  public:
    Thread() = default;
    Thread(const Thread &other) { *this = other; }
    Thread &operator=(const Thread &other);
    bool empty() const { return size_ == 0; }
    Frame &top() { return frames_[size_ - 1]; }
    void push(Frame frame) { frames_[size_++] = frame; }
    void pop() { --size_; }
    const Frame *begin() const { return frames_.data(); }
    const Frame *end() const { return frames_.data() + size_; }

  private:
    // A Start, a value on each level, the key of a member.
    std::array<Frame, JsonSchema::kDeepest + 2> frames_;
    size_t size_ = 0;
  };
  using State = std::vector<Thread>;

  State start() const;
  /// The state behind one more byte; empty when the byte must not come.
  void advance(const State &from, unsigned char byte, State &to) const;
  /// The JSON may end here.
  bool complete(const State &state) const;
  /// It must.
  bool finished(const State &state) const;

  /// Equal for states from which the same texts of up to `reach` bytes are possible.
  std::string key(const State &state, int64_t reach) const;

private:
  using Node = JsonSchema::Node;
  const Node &node(const Frame &frame) const { return schema_.nodes[frame.node]; }
  void open(Thread thread, uint16_t node, State &out) const;
  void close(Thread thread, State &out) const;
  void feed(const Thread &thread, unsigned char byte, State &out) const;
  void feed_into(const Thread &thread, uint16_t node, unsigned char byte, State &out) const;
  void feed_literal(Thread thread, unsigned char byte, State &out) const;
  void feed_string(Thread thread, unsigned char byte, State &out) const;
  void feed_integer(Thread thread, unsigned char byte, State &out) const;
  void feed_number(Thread thread, unsigned char byte, State &out) const;
  void feed_array(Thread thread, unsigned char byte, State &out) const;
  void feed_object(Thread thread, unsigned char byte, State &out) const;
  void feed_keys(const Thread &thread, unsigned char byte, State &out) const;
  void feed_next(Thread thread, unsigned char byte, State &out) const;
  bool may_end(Thread thread) const;
  bool number_may_end(const Frame &frame) const;

  JsonSchema schema_;
};

} // namespace vlm
