// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace vlm {

/// Processors this process may use: the affinity mask, bounded by the control groups' CPU quota. At
/// least 1. `root`: the folder below which proc/ and sys/ lie, another one in tests.
int available_threads(const std::string &root = "");

/// Bytes this process may still allocate: MemAvailable, bounded by what is left of the control
/// groups' limits.
uint64_t available_memory(const std::string &root = "");

/// "6.10 GB", of 10^9 bytes.
std::string gigabytes(uint64_t bytes);

/// True when products of bfloat16 pairs are native (AVX-512 BF16), and oneDNN's environment variable
/// ONEDNN_MAX_CPU_ISA, which bounds this library too, does not name less.
bool cpu_has_bf16();

/// The same of sums of four products of bytes, 512 bits at a time (AVX-512 VNNI).
bool cpu_has_vnni();

} // namespace vlm
