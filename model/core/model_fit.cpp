// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/model_fit.h"

#include "model/core/error.h"
#include "model/core/machine.h"

namespace vlm {

void check_threads(int threads) {
  constexpr int kMost = 1024;
  if (threads < 0 || threads > kMost)
    fail(ErrorCategory::Settings, "threads is ", threads, ", must be 0 to ", kMost);
}

bool auto_means_bfloat16(uint64_t float32_weights, uint64_t memory_left) {
  return cpu_has_bf16() || float32_weights > memory_left / 2;
}

bool fits_memory(uint64_t weights, uint64_t memory_left) {
  return weights + kMemoryHeadroom <= memory_left;
}

void check_memory_for(uint64_t weights, const char *precision, uint64_t memory_left) {
  if (!fits_memory(weights, memory_left))
    fail(ErrorCategory::Memory, "the model needs ", gigabytes(weights + kMemoryHeadroom), " in ",
         precision, ", but only ", gigabytes(memory_left), " of memory are left");
}

} // namespace vlm
