// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/state_dict.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// Layer normalisation over the last dimension with weight and bias (torch.nn.LayerNorm).
class LayerNorm {
public:
  LayerNorm() = default;
  LayerNorm(const Scope &scope, int64_t size, double eps);
  LayerNorm(at::Tensor weight, at::Tensor bias, double eps);
  /// x float32 [..., size].
  at::Tensor operator()(const at::Tensor &x) const;
  const at::Tensor &weight() const { return weight_; }
  const at::Tensor &bias() const { return bias_; }
  double eps() const { return eps_; }

private:
  at::Tensor weight_, bias_;
  double eps_ = 0;
};

/// x / sqrt(mean(x^2) + eps) * w over the last dimension. Gemma stores w - 1 (mgm-spec 1.2):
/// `unit_offset` adds the one.
class RmsNorm {
public:
  RmsNorm() = default;
  RmsNorm(const Scope &scope, int64_t size, double eps, bool unit_offset);
  at::Tensor operator()(const at::Tensor &x) const;

private:
  at::Tensor weight_;
  double eps_ = 0;
  bool unit_offset_ = false;
};

} // namespace vlm
