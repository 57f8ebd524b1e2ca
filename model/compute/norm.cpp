// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/norm.h"

#include "model/compute/autograd_function.h"
#include "model/compute/simd.h"
#include "model/compute/threads.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Calls row(i) for all rows of `size` elements, in parallel.
template <typename Row> void for_rows(int64_t rows, int64_t size, const Row &row) {
  parallel_for(0, rows, grain_of(kWorthElements, size), [&](int64_t from, int64_t to) {
    for (; from < to; ++from)
      row(from);
  });
}

float inverse_rms(const float *x, int64_t size, float eps) {
  return 1 / std::sqrt(simd::dot(x, x, size) / static_cast<float>(size) + eps);
}

// x [..., size] contiguous.
at::Tensor rms_norm(const at::Tensor &x, const at::Tensor &weight, float eps) {
  at::Tensor y = at::empty(x.sizes(), x.options());
  const int64_t size = weight.numel();
  const float *in = x.data_ptr<float>(), *w = weight.data_ptr<float>();
  float *out = y.data_ptr<float>();
  for_rows(x.numel() / size, size, [=](int64_t i) {
    const float *row = in + i * size;
    const float factor = inverse_rms(row, size, eps);
    for (int64_t j = 0; j < size; ++j)
      out[i * size + j] = row[j] * factor * w[j];
  });
  return y;
}

// With n = x * factor: dx = factor * (g w - n mean(g w n)). Returns dx and g * n, whose sum over
// the rows is the weight's gradient.
std::pair<at::Tensor, at::Tensor> rms_norm_gradient(const at::Tensor &x, const at::Tensor &weight,
                                                    const at::Tensor &grad, float eps) {
  at::Tensor dx = at::empty(x.sizes(), x.options()), dw = at::empty(x.sizes(), x.options());
  const int64_t size = weight.numel();
  const float *in = x.data_ptr<float>(), *w = weight.data_ptr<float>(), *g = grad.data_ptr<float>();
  float *out = dx.data_ptr<float>(), *out_w = dw.data_ptr<float>();
  for_rows(x.numel() / size, size, [=](int64_t i) {
    const int64_t at = i * size;
    const float factor = inverse_rms(in + at, size, eps);
    for (int64_t j = 0; j < size; ++j)
      out_w[at + j] = g[at + j] * in[at + j] * factor;
    const float mean = simd::dot(out_w + at, w, size) / static_cast<float>(size);
    for (int64_t j = 0; j < size; ++j)
      out[at + j] = factor * (g[at + j] * w[j] - in[at + j] * factor * mean);
  });
  return {dx, dw};
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            double eps) {
    const at::Tensor in = x.contiguous();
    context->save_for_backward({in, weight});
    context->saved_data["eps"] = eps;
    return rms_norm(in, weight.contiguous(), static_cast<float>(eps));
  }

  static variable_list backward(AutogradContext *context, const variable_list &grads) {
    const variable_list saved = context->get_saved_variables();
    const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
    const at::Tensor weight = saved[1].contiguous();
    const auto [dx, dw] = rms_norm_gradient(saved[0], weight, grads[0].contiguous(), eps);
    return {dx, dw.reshape({-1, weight.numel()}).sum(0), {}};
  }
};

} // namespace

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
  const at::Tensor weight = unit_offset_ ? weight_ + 1 : weight_;
  if (x.is_cpu())
    return RmsNormFunction::apply(x, weight, eps_);
  return x * at::rsqrt((x * x).mean({-1}, /*keepdim=*/true) + eps_) * weight;
}

} // namespace vlm
