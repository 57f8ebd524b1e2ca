// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/utf8.h"

#include "model/core/error.h"

namespace vlm {
namespace {

struct Step {
  size_t length; // bytes consumed: a whole character, or a maximal ill-formed subpart
  bool valid;
  char32_t code_point;
};

// One character at the start of `s` (not empty). Second-byte ranges exclude overlong forms,
// surrogates and values above U+10FFFF.
Step next(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80)
    return {1, true, lead};
  size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                  : lead >= 0xE0 && lead <= 0xEF ? 3
                  : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                 : 0;
  if (length == 0)
    return {1, false, 0};
  char32_t value = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    unsigned char low = 0x80, high = 0xBF;
    if (i == 1) {
      low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    }
    if (i >= s.size() || byte(i) < low || byte(i) > high)
      return {i, false, 0};
    value = (value << 6) | (byte(i) & 0x3F);
  }
  return {length, true, value};
}

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x2000 && c <= 0x200A) || c == ' ' || c == 0x85 ||
         c == 0xA0 || c == 0x1680 || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

} // namespace

size_t utf8_valid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Step step = next(text.substr(at));
    if (!step.valid)
      break;
    at += step.length;
  }
  return at;
}

bool is_blank(std::string_view text) {
  while (!text.empty()) {
    const Step step = next(text);
    if (!step.valid || !is_white_space(step.code_point))
      return false;
    text.remove_prefix(step.length);
  }
  return true;
}

std::string utf8_lossy(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Step step = next(text.substr(at));
    if (step.valid)
      out.append(text.substr(at, step.length));
    else
      out.append("\xEF\xBF\xBD");
    at += step.length;
  }
  return out;
}

std::vector<char32_t> utf8_decode(std::string_view text) {
  std::vector<char32_t> out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Step step = next(text.substr(at));
    if (!step.valid)
      fail(ErrorCategory::Data, "text is not valid UTF-8 at byte ", at);
    out.push_back(step.code_point);
    at += step.length;
  }
  return out;
}

void utf8_append(std::string &out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

} // namespace vlm
