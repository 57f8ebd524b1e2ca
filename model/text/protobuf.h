// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vlm {

/// Walks the fields of one serialised protobuf message.
class ProtobufReader {
public:
  /// The bytes must outlive the reader. `path` is what errors name.
  ProtobufReader(std::string_view bytes, const std::string &path) : rest_(bytes), path_(path) {}

  /// False at the end. Error(Format) when the bytes are no message.
  bool next();
  uint32_t field() const { return field_; }
  /// Value of the current field; Error(Format) when it is of another kind.
  uint64_t integer() const;
  bool boolean() const { return integer() != 0; }
  float real() const;
  std::string_view bytes() const;

private:
  enum Kind : uint32_t { Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5 };

  [[noreturn]] void broken() const;
  void expect(Kind kind) const {
    if (kind_ != kind)
      broken();
  }
  uint64_t varint();
  std::string_view take(uint64_t count);

  std::string_view rest_;
  const std::string &path_;
  uint32_t field_ = 0;
  uint32_t kind_ = 0;
  uint64_t integer_ = 0;
  std::string_view bytes_;
};

} // namespace vlm
