// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/compute/norm.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// One layer of CLIP's transformers, which its vision and text towers share (mgm-spec 2.3, 9.2).
class ClipLayer {
public:
  enum class Activation { QuickGelu, GeluErf };

  /// `scope` holds `layer_norm1`, `self_attn`, `layer_norm2` and `mlp`; the MLP's width comes from
  /// its shape.
  ClipLayer(const Scope &scope, int64_t width, int64_t heads, Activation activation);

  /// x float32 [B, L, width] -> the same shape; `mask` as attention() takes it. Differentiable.
  at::Tensor operator()(const at::Tensor &x, const at::Tensor &mask = {}) const;

private:
  at::Tensor activate(const at::Tensor &x) const;

  int64_t heads_;
  Activation activation_;
  LayerNorm norm1_, norm2_;
  Linear q_, k_, v_, out_, fc1_, fc2_;
};

} // namespace vlm
