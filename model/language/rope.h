// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// Rotary position embedding in Hugging Face's "rotate half" layout: element i of a head's first
/// half turns with element i of its second half by position * theta^(-2i / head_dim). Angles are
/// float32. One instance serves all layers of a pass.
class Rope {
public:
  /// position_ids int64 [L] or [B, L].
  Rope(const at::Tensor &position_ids, int64_t head_dim, double theta);

  /// x float32 [B, heads, L, head_dim], any strides -> the same shape, turned. Differentiable.
  at::Tensor operator()(const at::Tensor &x) const;

private:
  at::Tensor cos_, sin_; // [1 or B, 1, L, head_dim / 2]
};

} // namespace vlm
