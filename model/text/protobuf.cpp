// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/protobuf.h"

#include "model/core/error.h"

#include <cstring>

namespace vlm {

void ProtobufReader::broken() const {
  fail(ErrorCategory::Format, path_, ": broken protobuf data");
}

uint64_t ProtobufReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80)
      return value;
  }
  broken();
}

std::string_view ProtobufReader::take(uint64_t count) {
  if (count > rest_.size())
    broken();
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

bool ProtobufReader::next() {
  if (rest_.empty())
    return false;
  const uint64_t tag = varint();
  field_ = static_cast<uint32_t>(tag >> 3);
  kind_ = tag & 7;
  if (field_ == 0 || tag >> 32 != 0)
    broken();
  if (kind_ == Varint)
    integer_ = varint();
  else if (kind_ == Fixed64)
    bytes_ = take(8);
  else if (kind_ == Length)
    bytes_ = take(varint());
  else if (kind_ == Fixed32)
    bytes_ = take(4);
  else
    broken();
  return true;
}

uint64_t ProtobufReader::integer() const {
  expect(Varint);
  return integer_;
}

float ProtobufReader::real() const {
  expect(Fixed32);
  float value = 0;
  static_assert(sizeof value == 4);
  std::memcpy(&value, bytes_.data(), sizeof value); // little-endian, as the format
  return value;
}

std::string_view ProtobufReader::bytes() const {
  expect(Length);
  return bytes_;
}

} // namespace vlm
