// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace vlm {

/// A row-major float32 matrix that is used as it is or transposed. `stride`: from row to row.
struct Operand {
  const float *data;
  int64_t stride;
  bool transposed = false;
};

/// c [m, n] = alpha * a [m, k] b [k, n] + beta * c, all row-major, c's rows `stride` apart. Uses
/// all threads, or one inside of parallel_for.
void gemm(int64_t m, int64_t n, int64_t k, float alpha, Operand a, Operand b, float beta, float *c,
          int64_t stride);

/// y [m, n] float32 = x [m, k] w [n, k]^T of bfloat16 values (their bits), summed in float32.
/// False, with y untouched, where the library has no fast kernel for it (ask cpu_has_bf16() first).
bool gemm_bf16(int64_t m, int64_t n, int64_t k, const void *x, const void *w, float *y);

/// c [m, n] = a [m, k] b [k, n], all row-major. For measuring: may saturate without AVX-512 VNNI.
void gemm_int8(int64_t m, int64_t n, int64_t k, const uint8_t *a, const int8_t *b, int32_t *c);

} // namespace vlm
