// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// x float32 [m, k] times weight bfloat16 [n, k] transposed -> float32 [m, n]; all contiguous, on
/// the CPU; k may be 0. For many rows (fewer: few_rows_product). Takes the machine's bfloat16
/// products, which round x to bfloat16 too, or, without these, a float32 product on panels of
/// unpacked weights.
at::Tensor bf16_product(const at::Tensor &x, const at::Tensor &weight);

} // namespace vlm
