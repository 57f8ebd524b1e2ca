// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/integer_kernels.h"

/// The kernels, over what a kind of processor offers (`Isa`): kPanelRows sums of 32 bits, and four
/// bytes of weights for each of them. Each source that includes this is compiled for its processor,
/// so everything here has internal linkage and uses nothing that is inline elsewhere.
namespace vlm {
namespace {

// Asks for what will be read soon: panels lie one behind the other. Behind the last one this does
// nothing.
inline void fetch(const void *weights) {
  constexpr int64_t kAhead = 4096; // bytes; less helps less when decoding
  __builtin_prefetch(static_cast<const char *>(weights) + kAhead);
}

template <class Isa, int M>
void int8_rows(const IntegerRows &x, const int8_t *weights, int64_t blocks, int32_t *sums) {
  typename Isa::Sums total[M];
  for (int m = 0; m < M; ++m)
    total[m] = Isa::load(sums + m * kPanelRows);
  for (int64_t k = 0; k < blocks * kBlock; k += 4) {
    const auto w = Isa::int8_weights(weights + k * kPanelRows);
    fetch(weights + k * kPanelRows);
    for (int m = 0; m < M; ++m)
      total[m] = Isa::multiply(total[m], w, Isa::spread(x.values + m * x.stride + k));
  }
  for (int m = 0; m < M; ++m)
    Isa::store(sums + m * kPanelRows, total[m]);
}

template <class Isa, int M>
void int4_rows(const IntegerRows &x, const Int4Block *weights, int64_t blocks, int32_t *sums) {
  typename Isa::Sums total[M];
  for (int m = 0; m < M; ++m)
    total[m] = Isa::load(sums + m * kPanelRows);
  for (int64_t b = 0; b < blocks; ++b) {
    const Int4Block &block = weights[b];
    for (int g = 0; g < 2; ++g) {
      const int8_t *values = x.values + b * kBlock + g * kGroup;
      typename Isa::GroupSums group[M] = {};
#pragma GCC unroll 1 // or GCC 12 keeps all products of the group, most of them in memory
      for (int j = 0; j < 4; ++j) {
        const auto nibbles = Isa::nibbles(block.nibbles[g][j][0]);
        fetch(block.nibbles[g][j]);
        const auto low = Isa::low(nibbles), high = Isa::high(nibbles);
        for (int m = 0; m < M; ++m)
          group[m] = Isa::add(group[m], low, Isa::spread(values + m * x.stride + 4 * j));
        for (int m = 0; m < M; ++m)
          group[m] =
              Isa::add(group[m], high, Isa::spread(values + m * x.stride + 4 * j + kGroup / 2));
      }
      const auto scales = Isa::scales(block.scales[g]);
      for (int m = 0; m < M; ++m)
        total[m] = Isa::add_scaled(total[m], group[m], scales);
    }
    const auto offsets = Isa::offsets(block.offsets[0]);
    for (int m = 0; m < M; ++m)
      total[m] = Isa::add_offsets(total[m], offsets, x.sums + m * x.sums_stride + 2 * b);
  }
  for (int m = 0; m < M; ++m)
    Isa::store(sums + m * kPanelRows, total[m]);
}

template <class Isa, int M = Isa::kTileRows>
void int8_kernel(int64_t rows, const IntegerRows &x, const int8_t *weights, int64_t blocks,
                 int32_t *sums) {
  if (rows == M)
    return int8_rows<Isa, M>(x, weights, blocks, sums);
  if constexpr (M > 1)
    int8_kernel<Isa, M - 1>(rows, x, weights, blocks, sums);
}

template <class Isa, int M = Isa::kTileRows>
void int4_kernel(int64_t rows, const IntegerRows &x, const Int4Block *weights, int64_t blocks,
                 int32_t *sums) {
  if (rows == M)
    return int4_rows<Isa, M>(x, weights, blocks, sums);
  if constexpr (M > 1)
    int4_kernel<Isa, M - 1>(rows, x, weights, blocks, sums);
}

} // namespace
} // namespace vlm
