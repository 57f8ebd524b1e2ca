// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/integer_kernels.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// Activations as int8, each row with a scale of its own: value = scale * integer, the integer in
/// [-127, 127], rounded to nearest even. A row does not depend on the others. A row that holds NaN
/// or infinity gets a scale that is not finite, so that products with it are not finite either.
/// `smoothing` [K] (undefined: ones) multiplies the columns first. With two terms, what rounding
/// left of row r is rounded in turn, as row M + r: products with both add up to one with
/// activations of 16 bits.
class QuantizedRows {
public:
  /// x float32 [M, K], contiguous, on the CPU. `terms`: 1 or 2.
  explicit QuantizedRows(const at::Tensor &x, const at::Tensor &smoothing = {}, int64_t terms = 1);

  int64_t count() const { return values_.size(0); } ///< M * terms
  float scale(int64_t row) const { return scale_[row]; }
  /// From `row` and column `block * kBlock` on; columns behind K are zeros up to a whole block.
  IntegerRows at(int64_t row, int64_t block) const;
  /// Sum of a row's integers.
  int32_t sum(int64_t row) const { return total_[row]; }

private:
  void quantize(const float *x, int64_t columns, int64_t row) const;
  void take_away(int64_t row, float *x, int64_t columns) const;
  at::Tensor values_, scales_; // of count() rows: int8 [stride], float32
  at::Tensor sums_, totals_;   // int16 [groups], int32
  // Where they lie: asking a tensor takes longer than what is done with the answer.
  int8_t *value_;
  float *scale_;
  int16_t *sum_;
  int32_t *total_;
  int64_t stride_, groups_;
};

} // namespace vlm
