// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// GELU (erf) of x + bias over the last dimension: x float32 [..., C], bias [C] -> [..., C].
/// Differentiable. On CPU in one pass over x, good to about 1e-7 of the exact value.
at::Tensor bias_gelu(const at::Tensor &x, const at::Tensor &bias);

} // namespace vlm
