// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vlm {

/// Byte-level vocabularies write every byte as one printable character (a space is U+0120).
std::string bytes_to_characters(std::string_view bytes);

/// The bytes that `characters` stands for; `characters` itself when one of them stands for no byte.
std::string characters_to_bytes(std::string_view characters);

/// Other vocabularies have a piece such as <0x0A> for every byte.
std::string byte_piece(unsigned char byte);
std::optional<unsigned char> byte_of_piece(std::string_view piece);

/// Bytes of a character of valid UTF-8 by its first byte.
inline size_t character_length(char first) {
  const auto lead = static_cast<unsigned char>(first);
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

} // namespace vlm
