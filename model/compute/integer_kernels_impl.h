// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/integer_kernels.h"

/// The kernels, over what a kind of processor offers (`Isa`): kPanelRows sums of 32 bits, and four
/// bytes of weights for each of them. Each source that includes this is compiled for its processor,
/// so everything here has internal linkage and uses nothing that is inline elsewhere.
namespace vlm {
namespace {

// Asks for what will be read soon by a tile of M rows: panels lie one behind the other. One by one
// they come from memory, and the second cache is near enough; several at a time have been read for
// other rows before. Every line of the weights has to be asked for. Behind the last one this does
// nothing.
template <int M, int P> void fetch(const void *weights) {
  constexpr int64_t kAhead = M > 1 && P == 1 ? 8192 : 4096; // bytes
  constexpr int kNear = P == 1 ? 2 : 3;
  __builtin_prefetch(static_cast<const char *>(weights) + kAhead, 0, kNear);
}

// The sums of a tile, in registers.
template <class Isa, int M, int P> struct Tile {
  typename Isa::Sums sums[P][M];

  template <class Weights> explicit Tile(const Panels<Weights> &panels) {
    for (int p = 0; p < P; ++p)
      for (int m = 0; m < M; ++m)
        sums[p][m] = Isa::load(panels.sums + p * panels.sums_stride + m * kPanelRows);
  }
  template <class Weights> void store(const Panels<Weights> &panels) const {
    for (int p = 0; p < P; ++p)
      for (int m = 0; m < M; ++m)
        Isa::store(panels.sums + p * panels.sums_stride + m * kPanelRows, sums[p][m]);
  }
};

template <class Isa, int M, int P>
void multiply_tile(const IntegerRows &x, const Panels<int8_t> &panels) {
  Tile<Isa, M, P> tile(panels);
  const int8_t *weights = panels.weights;
  for (int64_t k = 0; k < panels.blocks * kBlock; k += 4, weights += 4 * kPanelRows) {
    decltype(Isa::int8_weights(nullptr)) w[P];
    for (int p = 0; p < P; ++p) {
      w[p] = Isa::int8_weights(weights + p * panels.stride);
      fetch<M, P>(weights + p * panels.stride);
    }
    for (int m = 0; m < M; ++m) {
      const auto values = Isa::spread(x.values + m * x.stride + k);
      for (int p = 0; p < P; ++p)
        Isa::multiply(tile.sums[p][m], w[p], values);
    }
  }
  tile.store(panels);
}

// Products of four columns, from `column` on, added to the sums of their group.
template <class Isa, int M, int P, class Nibbles>
void add_products(typename Isa::GroupSums (&group)[P][M], const Nibbles (&w)[P],
                  const IntegerRows &x, int64_t column) {
  for (int m = 0; m < M; ++m) {
    const auto values = Isa::spread(x.values + m * x.stride + column);
    for (int p = 0; p < P; ++p)
      Isa::add(group[p][m], w[p], values);
  }
}

template <class Isa, int M, int P>
void multiply_tile(const IntegerRows &x, const Panels<Int4Block> &panels) {
  Tile<Isa, M, P> tile(panels);
  const Int4Block *block = panels.weights;
  for (int64_t b = 0; b < panels.blocks; ++b, ++block) {
    for (int g = 0; g < 2; ++g) {
      typename Isa::GroupSums group[P][M] = {};
#pragma GCC unroll 1 // or GCC 12 keeps all products of the group, most of them in memory
      for (int j = 0; j < 4; ++j) {
        decltype(Isa::low(Isa::nibbles(nullptr))) low[P], high[P];
        for (int p = 0; p < P; ++p) {
          const uint8_t *from = block[p * panels.stride].nibbles[g][j][0];
          const auto nibbles = Isa::nibbles(from);
          fetch<M, P>(from);
          low[p] = Isa::low(nibbles);
          high[p] = Isa::high(nibbles);
        }
        const int64_t column = b * kBlock + g * kGroup + 4 * j;
        add_products<Isa, M, P>(group, low, x, column);
        add_products<Isa, M, P>(group, high, x, column + kGroup / 2);
      }
      for (int p = 0; p < P; ++p) {
        const auto scales = Isa::scales(block[p * panels.stride].scales[g]);
        for (int m = 0; m < M; ++m)
          Isa::add_scaled(tile.sums[p][m], group[p][m], scales);
      }
    }
    for (int p = 0; p < P; ++p) {
      fetch<M, P>(block[p * panels.stride].scales[0]);
      const auto offsets = Isa::offsets(block[p * panels.stride].offsets[0]);
      for (int m = 0; m < M; ++m)
        Isa::add_offsets(tile.sums[p][m], offsets, x.sums + m * x.sums_stride + 2 * b);
    }
  }
  tile.store(panels);
}

// The tile of that many rows and panels, at most M and P.
template <class Isa, int M, int P, class Weights>
void run_tile(int64_t rows, const IntegerRows &x, const Panels<Weights> &panels) {
  if (rows == M && panels.count == P)
    return multiply_tile<Isa, M, P>(x, panels);
  if constexpr (P > 1)
    if (panels.count < P)
      return run_tile<Isa, M, P - 1>(rows, x, panels);
  if constexpr (M > 1)
    run_tile<Isa, M - 1, P>(rows, x, panels);
}

template <class Isa>
constexpr IntegerKernel<int8_t> int8_kernel = {Isa::kInt8Rows, Isa::kPanels, Isa::kInt8RowCost,
                                               run_tile<Isa, Isa::kInt8Rows, Isa::kPanels, int8_t>};

template <class Isa>
constexpr IntegerKernel<Int4Block> int4_kernel = {
    Isa::kInt4Rows, Isa::kPanels, Isa::kInt4RowCost,
    run_tile<Isa, Isa::kInt4Rows, Isa::kPanels, Int4Block>};

} // namespace
} // namespace vlm
