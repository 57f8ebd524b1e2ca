// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/byte_level.h"

#include "model/core/utf8.h"

#include <array>
#include <charconv>

namespace vlm {
namespace {

// Printable Latin-1 stands for itself; the other bytes, in order, for U+0100 and up.
struct Alphabet {
  std::array<std::string, 256> character;
  std::array<int, 512> byte; // of a code point, -1: none

  Alphabet() {
    byte.fill(-1);
    char32_t next = 256;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      const char32_t code_point = printable ? static_cast<char32_t>(b) : next++;
      utf8_append(character[b], code_point);
      byte[code_point] = b;
    }
  }
};

const Alphabet &alphabet() {
  static const Alphabet instance;
  return instance;
}

} // namespace

std::string bytes_to_characters(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes)
    out += alphabet().character[static_cast<unsigned char>(byte)];
  return out;
}

std::string characters_to_bytes(std::string_view characters) {
  std::string out;
  for (const char32_t code_point : utf8_decode(characters)) {
    const int byte = code_point < 512 ? alphabet().byte[code_point] : -1;
    if (byte < 0)
      return std::string(characters);
    out += static_cast<char>(byte);
  }
  return out;
}

std::string byte_piece(unsigned char byte) {
  constexpr char digits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', digits[byte / 16], digits[byte % 16], '>'};
}

std::optional<unsigned char> byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>')
    return {};
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  if (error != std::errc() || end != piece.data() + 5)
    return {};
  return byte;
}

} // namespace vlm
