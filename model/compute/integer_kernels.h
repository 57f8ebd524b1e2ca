// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

/// Products of 8-bit integers, summed in 32 bits: exact, and so the same on every machine and in
/// every order. For use inside of model/compute.
namespace vlm {

/// Weights lie in panels of this many rows of the matrix, a panel in blocks of this many columns.
constexpr int64_t kPanelRows = 16;
constexpr int64_t kBlock = 64;
/// Columns that share a scale and an offset in 4-bit weights.
constexpr int64_t kGroup = 32;
/// A block of int8 weights, in [-127, 127]: for each four columns the panel's rows, four bytes
/// each.
constexpr int64_t kInt8Block = kPanelRows * kBlock;

/// A block of 4-bit weights. Weight = offset + scale * nibble, in [-127, 127].
struct Int4Block {
  /// Per group four times the panel's rows, four bytes each. The low nibbles of the j-th are
  /// columns 4 j to 4 j + 3 of the group, the high nibbles columns 16 + 4 j and on.
  uint8_t nibbles[2][4][kPanelRows][4];
  uint8_t scales[2][kPanelRows]; ///< per group, at most 17
  int8_t offsets[kPanelRows][2];
};
static_assert(sizeof(Int4Block) == kInt8Block * 9 / 16);

/// Rows of activations, in [-127, 127].
struct IntegerRows {
  const int8_t *values;
  int64_t stride;      ///< from row to row
  const int16_t *sums; ///< of each kGroup columns
  int64_t sums_stride;
};

/// Some panels of weights that lie one behind the other, and where their sums go:
/// [panels, rows of x, kPanelRows].
template <class Weights> struct Panels {
  int64_t count;
  const Weights *weights; ///< the first one's
  int64_t stride;         ///< from panel to panel, in units of Weights
  int64_t blocks;         ///< of each, from there on
  int32_t *sums = nullptr;
  int64_t sums_stride = 0; ///< from panel to panel
};

/// A kernel for one kind of processor: up to `rows` rows of x times up to `panels` panels, added
/// to their sums.
template <class Weights> struct IntegerKernel {
  int64_t rows, panels;
  double row_cost; ///< quantized_row_cost(), with 2048 x 16384 weights on two Zen 4 cores
  void (*run)(int64_t rows, const IntegerRows &x, const Panels<Weights> &panels);
};

/// Kernels for one kind of processor.
struct IntegerKernels {
  const char *name;
  /// `int8` adds this to every weight, so its sums are too large by this times the sum of x's row.
  int32_t int8_offset;
  /// Many rows are done sooner on unpacked weights than by `int4`.
  bool unpack_for_many;
  IntegerKernel<int8_t> int8;
  IntegerKernel<Int4Block> int4;
};

/// All that this processor can run, best first. Any thread may call it.
const std::vector<const IntegerKernels *> &integer_kernels();

} // namespace vlm
