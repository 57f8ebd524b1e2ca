// SPDX-License-Identifier: LGPL-2.1-or-later
// For AVX-512 BF16. Compiled with flags of its own (meson.build): only called where the processor
// has it, and with nothing in it that is inline elsewhere.
#include "model/compute/bf16_kernels.h"

#include <immintrin.h>

namespace vlm::bf16 {
namespace {

constexpr int64_t kLanes = 16;
// With a panel's halves and a row's values the sums of these fill the registers.
constexpr int kRows = 12;

__mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count >= kLanes ? 0xffff : (1u << count) - 1);
}

__m256i rounded(__m512 values) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)); }

// Sixteen columns of a pair of rows, and behind the last zeros.
__m512i pair(const float *upper, const float *lower, __mmask16 upper_lanes, __mmask16 lower_lanes) {
  const __m256i even = rounded(_mm512_maskz_loadu_ps(upper_lanes, upper));
  const __m256i odd = rounded(_mm512_maskz_loadu_ps(lower_lanes, lower));
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

// GCC 12 copies the sums around its builtin.
void add_products(__m512 &sums, __m512i a, __m512i b) {
  __m512 out = sums;
  asm("vdpbf16ps %2, %1, %0" : "+v"(out) : "v"(a), "v"(b));
  sums = out;
}

template <int M>
void multiply_tile(const uint16_t *a, int64_t pairs, const uint16_t *panel, float *c,
                   int64_t stride) {
  __m512 sums[M][2];
  for (int m = 0; m < M; ++m)
    sums[m][0] = sums[m][1] = _mm512_setzero_ps();
  for (int64_t p = 0; p < pairs; ++p, panel += 2 * kPanel) {
    const __m512i left = _mm512_loadu_si512(panel), right = _mm512_loadu_si512(panel + kPanel);
    for (int m = 0; m < M; ++m) {
      int32_t bits;
      __builtin_memcpy(&bits, a + 2 * (m * pairs + p), sizeof bits);
      const __m512i values = _mm512_set1_epi32(bits);
      add_products(sums[m][0], values, left);
      add_products(sums[m][1], values, right);
    }
  }
  for (int m = 0; m < M; ++m) {
    _mm512_storeu_ps(c + m * stride, sums[m][0]);
    _mm512_storeu_ps(c + m * stride + kLanes, sums[m][1]);
  }
}

template <int M>
void run_tile(int64_t rows, const uint16_t *a, int64_t pairs, const uint16_t *panel, float *c,
              int64_t stride) {
  if (rows == M)
    return multiply_tile<M>(a, pairs, panel, c, stride);
  if constexpr (M > 1)
    run_tile<M - 1>(rows, a, pairs, panel, c, stride);
}

} // namespace

void round(const float *from, int64_t count, float scale, uint16_t *to, int64_t room) {
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t i = 0; i < room; i += kLanes) {
    const __m512 values =
        i < count ? _mm512_maskz_loadu_ps(first(count - i), from + i) : _mm512_setzero_ps();
    _mm256_mask_storeu_epi16(to + i, first(room - i), rounded(_mm512_mul_ps(values, factor)));
  }
}

void pack(const float *from, int64_t stride, int64_t rows, int64_t columns, int64_t room,
          uint16_t *to) {
  for (int64_t panel = 0; panel < columns; panel += kPanel)
    for (int64_t row = 0; row < room; row += 2)
      for (int64_t half = panel; half < panel + kPanel; half += kLanes, to += 2 * kLanes) {
        const __mmask16 lanes = half < columns ? first(columns - half) : 0;
        const float *upper = from + row * stride + half;
        _mm512_storeu_si512(
            to, pair(upper, upper + stride, row < rows ? lanes : 0, row + 1 < rows ? lanes : 0));
      }
}

void pack_transposed(const float *from, int64_t stride, int64_t rows, int64_t columns,
                     uint16_t *to) {
  const int64_t size = rows + rows % 2; // not pairs(): it is inline elsewhere
  for (int64_t panel = 0; panel < columns; panel += kPanel, to += size * kPanel)
    for (int64_t column = 0; column < kPanel; ++column)
      for (int64_t row = 0; row < size; row += kLanes) {
        const __mmask16 lanes = panel + column < columns ? first(rows - row) : 0;
        const __m256i values =
            rounded(_mm512_maskz_loadu_ps(lanes, from + (panel + column) * stride + row));
        alignas(32) uint32_t both[kLanes / 2];
        _mm256_store_si256(reinterpret_cast<__m256i *>(both), values);
        for (int64_t i = 0; i < kLanes / 2 && row + 2 * i < size; ++i)
          __builtin_memcpy(to + (row + 2 * i) * kPanel + 2 * column, &both[i], sizeof both[i]);
      }
}

void multiply(int64_t m, const uint16_t *a, int64_t pairs, const uint16_t *packed, int64_t panels,
              float *c) {
  const int64_t stride = panels * kPanel;
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t row = 0; row < m; row += kRows)
      run_tile<kRows>(m - row < kRows ? m - row : kRows, a + 2 * row * pairs, pairs,
                      packed + panel * pairs * 2 * kPanel, c + row * stride + panel * kPanel,
                      stride);
}

} // namespace vlm::bf16
