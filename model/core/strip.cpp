// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/strip.h"

#include "model/core/utf8.h"

namespace vlm {
namespace {

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

} // namespace

std::string strip(std::string_view text) {
  const std::vector<char32_t> all = utf8_decode(text);
  size_t begin = 0, end = all.size();
  while (begin < end && is_space(all[begin]))
    ++begin;
  while (end > begin && is_space(all[end - 1]))
    --end;
  std::string out;
  for (size_t i = begin; i < end; ++i)
    utf8_append(out, all[i]);
  return out;
}

} // namespace vlm
