// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// What rounding one column of a matrix does wrong, made good by the columns behind it as far as
/// they go together in the activations: GPTQ (arXiv 2210.17323), in blocks of columns, so that the
/// memory is in * kWidth and few activations suffice. Immutable; any thread may ask.
class ErrorFeedback {
public:
  static constexpr int64_t kWidth = 256; // columns of a block

  /// x float32 [S, in]: activations as they are multiplied, some times kWidth of them. On the CPU.
  explicit ErrorFeedback(const at::Tensor &x);

  /// `row` [in]: column `column` was just rounded, to a value that is `error` smaller. Changes
  /// columns behind it.
  void pass_on(float *row, int64_t column, float error) const;

private:
  int64_t in_;
  at::Tensor shares_; // float32 [in, kWidth]: what each column of the block takes over of an error
};

} // namespace vlm
