// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace vlm {

/// Processors this process may use: the affinity mask, bounded by the cgroup's CPU quota. At least 1.
int available_threads();

/// Bytes this process may still allocate: MemAvailable, bounded by what is left of the cgroup's limit.
uint64_t available_memory();

/// True when products of bfloat16 pairs are native (AVX-512 BF16).
bool cpu_has_bf16();

} // namespace vlm
