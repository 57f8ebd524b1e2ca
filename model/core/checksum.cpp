// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/checksum.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace vlm {
namespace {

constexpr size_t kLanes = 8, kWord = sizeof(uint64_t);

uint64_t step(uint64_t state, uint64_t word) { return (state ^ word) * 0x100000001b3u; }

uint64_t whole_word(const char *from) { // of a known size: not a call
  uint64_t word;
  std::memcpy(&word, from, kWord);
  return word;
}

uint64_t word_at(std::string_view bytes, size_t at) {
  uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, std::min(kWord, bytes.size() - at));
  return word;
}

} // namespace

std::string checksum(std::string_view bytes) {
  constexpr uint64_t kStart = 0xcbf29ce484222325u;
  std::array<uint64_t, kLanes> lanes;
  lanes.fill(kStart);
  size_t at = 0;
  for (; at + kLanes * kWord <= bytes.size(); at += kLanes * kWord)
    for (size_t i = 0; i < kLanes; ++i)
      lanes[i] = step(lanes[i], whole_word(bytes.data() + at + i * kWord));
  for (size_t i = 0; at < bytes.size(); at += kWord, ++i)
    lanes[i] = step(lanes[i], word_at(bytes, at));
  uint64_t all = step(kStart, bytes.size());
  for (const uint64_t lane : lanes)
    all = step(all, lane);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(all));
  return text;
}

} // namespace vlm
