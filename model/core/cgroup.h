// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace vlm {

// What the control groups of this process, of version 2 or 1, and all their parents allow. `root`
// is the folder below which proc/ and sys/ lie. Without a limit: the largest value of the type.

/// Bytes that are left of the memory limits. Cached file pages that nobody has touched lately count
/// as left: the kernel drops them before it refuses anything.
uint64_t cgroup_memory_left(const std::string &root);

/// Processors' worth of time that the quotas allow.
double cgroup_processors(const std::string &root);

} // namespace vlm
