// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/linear.h"

#include <ATen/ops/linear.h>

namespace vlm {

Linear::Linear(const Scope &scope, int64_t in, int64_t out, bool bias)
    : weight_(scope.matrix("weight", {out, in})),
      bias_(bias ? scope.tensor("bias", {out}) : at::Tensor()) {}

Linear::Linear(at::Tensor weight, at::Tensor bias)
    : weight_(std::move(weight)), bias_(std::move(bias)) {}

at::Tensor Linear::operator()(const at::Tensor &x) const {
  return at::linear(x, weight_.to(at::kFloat), bias_);
}

} // namespace vlm
