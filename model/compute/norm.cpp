// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>

namespace vlm {

LayerNorm::LayerNorm(const Scope &scope, int64_t size, double eps)
    : LayerNorm(scope.tensor("weight", {size}), scope.tensor("bias", {size}), eps) {}

LayerNorm::LayerNorm(at::Tensor weight, at::Tensor bias, double eps)
    : weight_(std::move(weight)), bias_(std::move(bias)), eps_(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor &x) const {
  return at::layer_norm(x, weight_.sizes(), weight_, bias_, eps_);
}

RmsNorm::RmsNorm(const Scope &scope, int64_t size, double eps, bool unit_offset)
    : weight_(scope.tensor("weight", {size})), eps_(eps), unit_offset_(unit_offset) {}

at::Tensor RmsNorm::operator()(const at::Tensor &x) const {
  const at::Tensor normal = x * at::rsqrt((x * x).mean({-1}, /*keepdim=*/true) + eps_);
  return unit_offset_ ? normal * (weight_ + 1) : normal * weight_;
}

} // namespace vlm
