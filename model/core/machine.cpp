// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/machine.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sched.h>
#include <sstream>
#include <string>
#include <vector>

namespace vlm {
namespace {

// Directories of this process's cgroup (version 2) and of all its parents, innermost first.
std::vector<std::string> cgroup_directories() {
  std::ifstream self("/proc/self/cgroup");
  std::string line, path;
  while (std::getline(self, line))
    if (line.rfind("0::", 0) == 0)
      path = line.substr(3);
  std::vector<std::string> out;
  for (;; path.resize(path.rfind('/'))) {
    out.push_back("/sys/fs/cgroup" + (path == "/" ? "" : path));
    if (path.empty() || path.rfind('/') == std::string::npos)
      break;
  }
  return out;
}

std::string first_line(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "max", a missing file and garbage all mean: no limit.
uint64_t limit_in(const std::string &path) {
  std::istringstream line(first_line(path));
  uint64_t value = 0;
  return line >> value ? value : std::numeric_limits<uint64_t>::max();
}

} // namespace

int available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  for (const std::string &directory : cgroup_directories()) {
    std::istringstream line(first_line(directory + "/cpu.max"));
    double quota = 0, period = 0;
    if (line >> quota >> period && period > 0)
      count = std::min(count, std::max(1, static_cast<int>(quota / period + 0.5)));
  }
  return std::max(count, 1);
}

uint64_t available_memory() {
  uint64_t left = std::numeric_limits<uint64_t>::max();
  std::ifstream info("/proc/meminfo");
  for (std::string key; info >> key;) {
    uint64_t kib = 0;
    if (key == "MemAvailable:" && info >> kib)
      left = kib * 1024;
    info.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  for (const std::string &directory : cgroup_directories()) {
    const uint64_t limit = limit_in(directory + "/memory.max");
    if (limit == std::numeric_limits<uint64_t>::max())
      continue;
    const uint64_t used = limit_in(directory + "/memory.current");
    left = std::min(left, limit > used ? limit - used : 0);
  }
  return left;
}

bool cpu_has_bf16() {
#if defined(__x86_64__)
  // __builtin_cpu_supports knows avx512bf16 in GCC 12 and clang 14.
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw");
#else
  return false;
#endif
}

} // namespace vlm
