// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// How the columns of activations x float32 [S, in] go together, block of columns by block of
/// columns, is added to `moments` float32 [in, width]: at [i, j] the sum over rows of column i
/// times column j of i's block, of values in bfloat16; nothing behind the last column.
void add_block_moments(const at::Tensor &x, const at::Tensor &moments);

/// What rounding one column of a matrix does wrong, made good by the columns behind it as far as
/// they go together in the activations: GPTQ (arXiv 2210.17323), in blocks of columns, so that the
/// memory is in * width and few activations suffice: some five times the width of a block, or it
/// learns them by heart. Immutable; any thread may ask.
class ErrorFeedback {
public:
  /// `moments`: of activations, whose width is a multiple of `width`, that of this one's blocks.
  /// `smoothing` float32 [in], by which the activations will be multiplied, may be undefined.
  ErrorFeedback(const at::Tensor &moments, int64_t width, const at::Tensor &smoothing);

  /// [in]: what a column's square of errors costs that nothing makes good.
  const float *costs() const { return costs_.data_ptr<float>(); }

  /// rows [count, stride]: column `column` was just rounded, in each to a value that is errors[row]
  /// smaller. Changes columns behind it.
  void pass_on(float *rows, int64_t stride, int64_t count, int64_t column,
               const float *errors) const;

private:
  int64_t in_, width_;
  at::Tensor shares_; // float32 [in, width]: what each column of the block takes over of an error
  at::Tensor costs_;  // float32 [in]
};

} // namespace vlm
