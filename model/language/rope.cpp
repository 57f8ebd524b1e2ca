// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/rope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/sin.h>

namespace vlm {

Rope::Rope(const at::Tensor &position_ids, int64_t head_dim, double theta) {
  const auto options = at::TensorOptions(at::kFloat).device(position_ids.device());
  const at::Tensor exponents = at::arange(0, head_dim, 2, options) / head_dim;
  const at::Tensor frequencies = at::reciprocal(at::pow(theta, exponents));
  at::Tensor angles = position_ids.to(at::kFloat).unsqueeze(-1) * frequencies;
  angles = angles.dim() == 2 ? angles.unsqueeze(0).unsqueeze(0) : angles.unsqueeze(1);
  cos_ = at::cos(angles);
  sin_ = at::sin(angles);
}

at::Tensor Rope::operator()(const at::Tensor &x) const {
  const int64_t half = x.size(-1) / 2;
  const at::Tensor a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
  return at::cat({a * cos_ - b * sin_, b * cos_ + a * sin_}, -1);
}

} // namespace vlm
