// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/convolution.h"

#include "model/compute/linear.h"
#include "model/core/machine.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>

#include <utility>
#include <vector>

namespace vlm {
namespace {

bool learns(const at::Tensor &x, const at::Tensor &weight) {
  return at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
}

} // namespace

Convolution::Convolution(const Scope &scope, int64_t in, int64_t out, int64_t size, int64_t stride)
    : in_(in), out_(out), size_(size), stride_(stride),
      weight_(scope.matrix("weight", {out, in, size, size})), bias_(scope.tensor("bias", {out})) {
  const bool multiplied = weight_.scalar_type() == at::kFloat || cpu_has_bf16();
  if (weight_.is_cpu() && !weight_.requires_grad() && multiplied && !is_product())
    packed_ = std::make_shared<PackedKernel>(std::exchange(weight_, {}), bias_, stride);
}

at::Tensor Convolution::operator()(const at::Tensor &x) const {
  if (is_product())
    return Linear(weight_.view({out_, in_}), bias_)(x);
  return run(x, size_ / 2, size_ / 2);
}

at::Tensor Convolution::strip(const at::Tensor &x) const { return run(x, 0, size_ / 2); }

at::Tensor Convolution::inside(const at::Tensor &x) const { return run(x, 0, 0); }

at::Tensor Convolution::run(const at::Tensor &x, int64_t padded_rows,
                            int64_t padded_columns) const {
  if (packed_)
    return (*packed_)(x, padded_rows, padded_columns);
  if (x.is_cpu() && !learns(x, weight_)) // widened for this product alone
    return PackedKernel(weight_.to(at::kFloat), bias_, stride_)(x, padded_rows, padded_columns);
  const bool rounds = x.is_cpu() ? bf16_products() : weight_.scalar_type() == at::kBFloat16;
  const at::ScalarType type = rounds ? at::kBFloat16 : at::kFloat;
  const std::vector<int64_t> stride = {stride_, stride_}, padding = {padded_rows, padded_columns};
  const at::Tensor y =
      at::conv2d(x.permute({0, 3, 1, 2}).to(type), weight_.to(type), {}, stride, padding);
  return y.permute({0, 2, 3, 1}).contiguous().to(at::kFloat).add_(bias_);
}

} // namespace vlm
