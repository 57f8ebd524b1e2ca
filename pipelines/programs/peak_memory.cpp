// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/peak_memory.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace vlm {
namespace {

uint64_t before_uncounted = 0;

bool forget() {
  constexpr char kPeak = '5'; // proc(5)
  return static_cast<bool>(std::ofstream("/proc/self/clear_refs") << kPeak << std::flush);
}

} // namespace

uint64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    uint64_t kib = 0;
    if (key == "VmHWM:" && status >> kib)
      return std::max(before_uncounted, kib * 1024);
  }
  return 0;
}

bool forget_peak() {
  before_uncounted = 0;
  return forget();
}

void uncounted(const std::function<void()> &body) {
  const uint64_t before = peak_bytes();
  body();
  if (forget())
    before_uncounted = before;
}

} // namespace vlm
