// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// diffusers' Attention: `to_q`, `to_k`, `to_v`, `to_out.0`, or the names that older VAEs have for
/// these (query, key, value, proj_attn). Memory grows linearly with the number of positions.
class CrossAttention {
public:
  /// `context`: width of what is attended to. `bias`: of the first three.
  CrossAttention(const Scope &scope, int64_t width, int64_t context, int64_t heads, bool bias);

  /// x float32 [B, L, width] looks at context [B, S, its width] -> [B, L, width]. Differentiable.
  at::Tensor operator()(const at::Tensor &x, const at::Tensor &context) const;

private:
  int64_t heads_;
  Linear to_q_, to_k_, to_v_, to_out_;
};

} // namespace vlm
