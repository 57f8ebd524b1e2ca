// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/machine.h"

#include "model/core/cgroup.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <limits>
#include <sched.h>
#include <sstream>
#include <vector>

namespace vlm {
namespace {

// oneDNN's names, the smallest first. What it does not know bounds nothing there, nor here.
bool isa_allowed(const std::string &isa) {
  static const std::vector<std::string> known = {"SSE41",
                                                 "AVX",
                                                 "AVX2",
                                                 "AVX2_VNNI",
                                                 "AVX2_VNNI_2",
                                                 "AVX512_CORE",
                                                 "AVX512_CORE_VNNI",
                                                 "AVX512_CORE_BF16"};
  const char *most = std::getenv("ONEDNN_MAX_CPU_ISA");
  const auto bound = std::find(known.begin(), known.end(), most ? most : "");
  return bound == known.end() || std::find(known.begin(), known.end(), isa) <= bound;
}

} // namespace

int available_threads(const std::string &root) {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  const double quota = cgroup_processors(root);
  return std::max(1, quota < count ? static_cast<int>(quota + 0.5) : count);
}

uint64_t available_memory(const std::string &root) {
  uint64_t left = std::numeric_limits<uint64_t>::max();
  std::ifstream info(root + "/proc/meminfo");
  for (std::string key; info >> key;) {
    uint64_t kib = 0;
    if (key == "MemAvailable:" && info >> kib)
      left = kib * 1024;
    info.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::min(left, cgroup_memory_left(root));
}

std::string gigabytes(uint64_t bytes) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << static_cast<double>(bytes) / 1e9 << " GB";
  return out.str();
}

bool cpu_has_bf16() {
#if defined(__x86_64__)
  // __builtin_cpu_supports knows avx512bf16 in GCC 12 and clang 14.
  static const bool has = __builtin_cpu_supports("avx512bf16") &&
                          __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && isa_allowed("AVX512_CORE_BF16");
  return has;
#else
  return false;
#endif
}

bool cpu_has_vnni() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512vnni") &&
                          __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && isa_allowed("AVX512_CORE_VNNI");
  return has;
#else
  return false;
#endif
}

} // namespace vlm
