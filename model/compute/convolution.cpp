// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/convolution.h"

#include "model/compute/linear.h"
#include "model/core/machine.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/mkldnn_convolution.h>

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
  if (!weight_.requires_grad())
    weight_ = weight_.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor Convolution::operator()(const at::Tensor &x) const {
  if (size_ == 1 && stride_ == 1)
    return Linear(weight_.view({out_, in_}), bias_)(x);
  return run(x, size_ / 2, size_ / 2);
}

at::Tensor Convolution::strip(const at::Tensor &x) const { return run(x, 0, size_ / 2); }

at::Tensor Convolution::inside(const at::Tensor &x) const { return run(x, 0, 0); }

at::Tensor Convolution::run(const at::Tensor &x, int64_t padded_rows,
                            int64_t padded_columns) const {
  at::Tensor planes = x.permute({0, 3, 1, 2}), weight = weight_;
  const bool rounds = weight.scalar_type() == at::kBFloat16 && (!x.is_cpu() || cpu_has_bf16());
  if (rounds)
    planes = planes.to(at::kBFloat16);
  else
    weight = weight.to(at::kFloat);
  const at::Tensor bias = rounds ? at::Tensor() : bias_; // added later in float32
  const std::vector<int64_t> stride = {stride_, stride_}, padding = {padded_rows, padded_columns};
  // ATen would take oneDNN, which reads channels last as they are, only with several threads.
  const bool direct = x.is_cpu() && at::hasMKLDNN() && !learns(x, weight);
  const at::Tensor y =
      direct ? at::mkldnn_convolution(planes, weight, bias, padding, stride, {1, 1}, 1)
             : at::conv2d(planes, weight, bias, stride, padding);
  const at::Tensor out = y.permute({0, 2, 3, 1}).contiguous();
  return rounds ? out.to(at::kFloat).add_(bias_) : out;
}

} // namespace vlm
