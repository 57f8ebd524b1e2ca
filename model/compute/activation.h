// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/decoder_config.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// Activation functions of float32 tensors of any shape. On the CPU, where no gradient is wanted,
/// in one pass of our own, within 5e-7 of the largest value, and each value is the same whatever
/// stands beside it; elsewhere by libtorch. Differentiable.

/// activation(gate) * up, of equal shapes. `gate` may be overwritten; pass it by std::move.
at::Tensor gated(Activation activation, at::Tensor gate, const at::Tensor &up);

/// x * sigmoid(1.702 x), CLIP's.
at::Tensor quick_gelu(const at::Tensor &x);

} // namespace vlm
