// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/cgroup.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <vector>

namespace vlm {
namespace {

// True for "cpu" in "cpu,cpuacct".
bool lists(const std::string &controllers, const std::string &wanted) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');)
    if (name == wanted)
      return true;
  return false;
}

// Path of this process in the hierarchy of a version 1 controller; of version 2 for "".
std::optional<std::string> group_of(const std::string &root, const std::string &controller) {
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) { // NUMBER:CONTROLLERS:PATH
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : lists(controllers, controller))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

// Folders of this process's group and of all its parents, innermost first. A container may see only
// the outer ones, under names from outside: folders that are not there set no limit.
std::vector<std::string> folders(const std::string &root, const std::string &controller) {
  std::vector<std::string> out;
  const std::string mount = root + "/sys/fs/cgroup" + (controller.empty() ? "" : "/" + controller);
  if (std::optional<std::string> path = group_of(root, controller)) {
    for (; path->size() > 1; path->resize(path->rfind('/')))
      out.push_back(mount + *path);
    out.push_back(mount);
  }
  return out;
}

// "max", -1, a missing file and garbage all mean: nothing is set.
std::optional<uint64_t> number_in(const std::string &path) {
  std::ifstream file(path);
  int64_t value = 0;
  if (file >> value && value >= 0)
    return static_cast<uint64_t>(value);
  return std::nullopt;
}

uint64_t statistic(const std::string &path, const std::string &wanted) {
  std::ifstream file(path);
  std::string name;
  for (uint64_t value = 0; file >> name >> value;)
    if (name == wanted)
      return value;
  return 0;
}

struct MemoryFiles {
  const char *controller, *limit, *used, *idle_cache;
};
constexpr MemoryFiles kMemoryFiles[] = {
    {"", "memory.max", "memory.current", "inactive_file"},
    {"memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
};

uint64_t memory_left_in(const std::string &folder, const MemoryFiles &files) {
  const auto limit = number_in(folder + "/" + files.limit);
  if (!limit)
    return std::numeric_limits<uint64_t>::max();
  const uint64_t used = number_in(folder + "/" + files.used).value_or(0);
  const uint64_t held = used - std::min(used, statistic(folder + "/memory.stat", files.idle_cache));
  return *limit - std::min(*limit, held);
}

double share(std::optional<uint64_t> quota, std::optional<uint64_t> period) {
  if (!quota || !period || *period == 0)
    return std::numeric_limits<double>::max();
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

} // namespace

uint64_t cgroup_memory_left(const std::string &root) {
  uint64_t left = std::numeric_limits<uint64_t>::max();
  for (const MemoryFiles &files : kMemoryFiles)
    for (const std::string &folder : folders(root, files.controller))
      left = std::min(left, memory_left_in(folder, files));
  return left;
}

double cgroup_processors(const std::string &root) {
  double processors = std::numeric_limits<double>::max();
  for (const std::string &folder : folders(root, "")) {
    std::ifstream file(folder + "/cpu.max");
    uint64_t quota = 0, period = 0;
    if (file >> quota >> period)
      processors = std::min(processors, share(quota, period));
  }
  for (const std::string &folder : folders(root, "cpu"))
    processors = std::min(processors, share(number_in(folder + "/cpu.cfs_quota_us"),
                                            number_in(folder + "/cpu.cfs_period_us")));
  return processors;
}

} // namespace vlm
