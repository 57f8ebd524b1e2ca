// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/bias_gelu.h"

#include "model/compute/activation_lanes.h"
#include "model/compute/autograd_function.h"
#include "model/compute/threads.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void forward_row(const float *x, const float *bias, int64_t n, float *out) {
  for (int64_t c = 0; c < n; c += simd::kLanes) {
    const int64_t lanes = std::min(simd::kLanes, n - c);
    simd::store(out + c, simd::gelu(simd::load(x + c, lanes) + simd::load(bias + c, lanes)), lanes);
  }
}

void backward_row(const float *x, const float *bias, const float *gradient, int64_t n, float *out,
                  float *bias_gradient) {
  for (int64_t c = 0; c < n; c += simd::kLanes) {
    const int64_t lanes = std::min(simd::kLanes, n - c);
    const simd::Float8 y = simd::load(x + c, lanes) + simd::load(bias + c, lanes);
    const simd::Normal at(y);
    const simd::Float8 d = simd::load(gradient + c, lanes) * (at.share + y * at.density);
    simd::store(out + c, d, lanes);
    simd::store(bias_gradient + c, simd::load(bias_gradient + c, lanes) + d, lanes);
  }
}

struct BiasGelu : torch::autograd::Function<BiasGelu> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &input,
                            const at::Tensor &bias) {
    const at::Tensor x = input.contiguous(), out = at::empty_like(x);
    const int64_t n = bias.size(0);
    const float *from = x.data_ptr<float>(), *added = bias.data_ptr<float>();
    float *to = out.data_ptr<float>();
    parallel_for(0, x.numel() / n, grain_of(kWorthElements, n), [&](int64_t row, int64_t end) {
      for (; row < end; ++row)
        forward_row(from + row * n, added, n, to + row * n);
    });
    context->save_for_backward({x, bias});
    return out;
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &bias = saved[1], gradient = gradients[0].contiguous();
    const at::Tensor out = at::empty_like(x);
    const int64_t n = bias.size(0), rows = x.numel() / n;
    // As many sums whatever the threads are, so that a run can be repeated exactly.
    constexpr int64_t parts = 16;
    const at::Tensor sums = at::zeros({parts, n}, x.options());
    parallel_for(0, parts, 1, [&](int64_t part, int64_t end) {
      for (; part < end; ++part)
        for (int64_t row = rows * part / parts; row < rows * (part + 1) / parts; ++row)
          backward_row(x.data_ptr<float>() + row * n, bias.data_ptr<float>(),
                       gradient.data_ptr<float>() + row * n, n, out.data_ptr<float>() + row * n,
                       sums.data_ptr<float>() + part * n);
    });
    return {out, sums.sum(0)};
  }
};

} // namespace

at::Tensor bias_gelu(const at::Tensor &x, const at::Tensor &bias) {
  if (x.is_cpu() && x.scalar_type() == at::kFloat)
    return BiasGelu::apply(x, bias);
  return at::gelu(x + bias);
}

} // namespace vlm
