// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace vlm {

// What any model, of language or of pictures, is held to before it is loaded. Any thread may call.

/// Bytes that a load and a run of a model need beside its weights and what is counted for itself:
/// conversion buffers, libraries, small activations.
constexpr uint64_t kMemoryHeadroom = uint64_t{400} << 20;

/// Error(Settings) naming the value unless it is 0 (all that the process may use) to 1024.
void check_threads(int threads);

/// What precision `auto` means on the CPU: bfloat16 where its products are native, or where float32
/// weights would take more than half of the memory that is left; otherwise float32. Both in bytes.
bool auto_means_bfloat16(uint64_t float32_weights, uint64_t memory_left);

/// Whether `weights` and kMemoryHeadroom bytes are at most `memory_left`.
bool fits_memory(uint64_t weights, uint64_t memory_left);

/// Error(Memory) with both figures when they do not. `precision`: its name, for the message.
void check_memory_for(uint64_t weights, const char *precision, uint64_t memory_left);

} // namespace vlm
