// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/quantized_weight.h"

namespace vlm {

/// x float32 [M, in], contiguous, on the CPU -> float32 [M, out]: each row of x rounded to int8 by
/// itself (after the weight's smoothing), times the weights, exactly, times both scales; plus
/// `bias` [out] unless undefined. A row's result is bit-equal whatever rows keep it company and
/// whichever kernels run. Uses all threads. Not differentiable.
at::Tensor quantized_product(const at::Tensor &x, const QuantizedWeight &weight,
                             const at::Tensor &bias,
                             const IntegerKernels &kernels = *integer_kernels().front());

/// What each further of 2 to 32 rows costs this processor, as a part (0..1) of what the first
/// costs.
double quantized_row_cost(Quantization kind);

} // namespace vlm
