// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

constexpr int64_t kFewRows = 32;

/// x float32 [m, k] times weight [n, k] (float32 or bfloat16, whose values count exactly)
/// transposed
/// -> float32 [m, n]; m at most kFewRows; all contiguous, on the CPU. Reads the weights once, at
/// the speed of memory. A row's result is bit-equal whatever rows keep it company, so that answers
/// decoded together are those decoded alone. Not differentiable.
at::Tensor few_rows_product(const at::Tensor &x, const at::Tensor &weight);

} // namespace vlm
