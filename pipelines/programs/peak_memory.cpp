// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/peak_memory.h"

#include <fstream>
#include <string>

namespace vlm {

uint64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    uint64_t kib = 0;
    if (key == "VmHWM:" && status >> kib)
      return kib * 1024;
  }
  return 0;
}

bool forget_peak() {
  constexpr char kPeak = '5'; // proc(5)
  return static_cast<bool>(std::ofstream("/proc/self/clear_refs") << kPeak << std::flush);
}

} // namespace vlm
