// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/language/json_grammar.h"

#include <memory>
#include <optional>
#include <unordered_map>

namespace vlm {

/// The bytes that every token of a vocabulary adds to a text, sorted, so that tokens of one
/// beginning lie together. Immutable.
class VocabularyBytes {
public:
  /// By id; tokens without bytes (special ones) are none, and never allowed.
  explicit VocabularyBytes(std::vector<std::optional<std::string>> tokens);

  struct Token {
    std::string bytes;
    int64_t id;
  };
  const std::vector<Token> &sorted() const { return sorted_; }
  const std::string &bytes(int64_t id) const {
    return sorted_[place_[static_cast<size_t>(id)]].bytes;
  }
  size_t size() const { return place_.size(); }
  size_t longest() const { return longest_; }

private:
  std::vector<Token> sorted_;
  std::vector<size_t> place_; ///< in sorted_, by id
  size_t longest_ = 0;
};

/// One answer on its way through a grammar: which tokens may come next. One thread at a time.
class JsonConstraint {
public:
  /// Error(Settings) as JsonSchema::parse. `stop_ids` may come where the JSON may end.
  JsonConstraint(std::string_view schema, std::shared_ptr<const VocabularyBytes> vocabulary,
                 std::vector<int64_t> stop_ids);

  /// By id; ids beyond its size may not come. Valid until the next call. Error(Failed) when the
  /// vocabulary has no way to go on.
  const std::vector<bool> &allowed();
  /// An allowed token that is no stop was written.
  void accept(int64_t id);

  bool complete() const { return grammar_.complete(state_); }
  bool finished() const { return grammar_.finished(state_); }
  /// The JSON so far.
  std::string text() const;

private:
  std::vector<bool> walk() const;
  void walk(size_t begin, size_t end, size_t depth, std::vector<JsonGrammar::State> &states,
            std::vector<bool> &out) const;

  JsonGrammar grammar_;
  std::shared_ptr<const VocabularyBytes> vocabulary_;
  std::vector<int64_t> stop_ids_;
  JsonGrammar::State state_;
  std::string text_;
  std::unordered_map<std::string, std::vector<bool>> known_; ///< masks by JsonGrammar::key()
};

} // namespace vlm
