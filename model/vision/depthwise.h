// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// Depthwise 7x7 convolution with padding 3 on channels-last maps: x float32 [B, H, W, C],
/// weight [C, 1, 7, 7], bias [C] -> [B, H, W, C]. Differentiable.
at::Tensor depthwise_7x7(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);

} // namespace vlm
