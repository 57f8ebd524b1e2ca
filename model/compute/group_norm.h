// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/state_dict.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// Group normalisation over channels-last maps (torch.nn.GroupNorm), alone or with SiLU behind it
/// in the same pass.
class GroupNorm {
public:
  enum class Then { Nothing, Silu };

  GroupNorm() = default;
  /// Reads `weight` and `bias` [channels]; `groups` divides them.
  GroupNorm(const Scope &scope, int64_t groups, int64_t channels, double eps);

  /// x float32 [B, H, W, channels] -> the same shape. Differentiable, on the CPU in two passes.
  at::Tensor operator()(const at::Tensor &x, Then then) const;

  /// The two halves of that, for maps whose result is taken strip by strip: y = x * factor + shift
  /// for every picture and channel, both [B, channels], from the whole of x; and a strip's y. Not
  /// differentiable; on the CPU.
  struct Affine {
    at::Tensor factor, shift;
  };
  Affine affine(const at::Tensor &x) const;
  static at::Tensor apply(const Affine &affine, const at::Tensor &strip, Then then);

private:
  /// Mean and 1 / deviation of every picture and group, both float64 [B, groups].
  struct Statistics {
    at::Tensor mean, scale;
  };
  Statistics statistics(const at::Tensor &x) const;
  Affine affine(const Statistics &of) const;
  friend struct GroupNormFunction;

  int64_t groups_ = 1;
  double eps_ = 0;
  at::Tensor weight_, bias_;
};

} // namespace vlm
