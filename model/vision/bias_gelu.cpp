// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/bias_gelu.h"

#include "model/compute/autograd_function.h"
#include "model/compute/threads.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// e^x for x <= 0. Written for the vectoriser: no branches, no calls.
inline float exp_negative(float x) {
  const float clamped = x < -87.f ? -87.f : x;
  const float shifted = clamped * 1.44269504f + 12582912.f; // rounds to a whole number of twos
  const float twos = shifted - 12582912.f;
  const float r = (clamped - twos * 0.693359375f) + twos * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1;
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  const uint32_t power_bits = (bits << 23) + (127u << 23);
  float power;
  std::memcpy(&power, &power_bits, sizeof power);
  return p * power;
}

/// The normal distribution's density and cumulated share at x: erfc by Abramowitz and Stegun
/// 7.1.26, off by 1.5e-7 at most.
struct Normal {
  float density, share;
};
inline Normal normal(float x) {
  const float z = std::abs(x) * 0.70710678f, e = exp_negative(-z * z);
  const float t = 1 / (1 + 0.3275911f * z);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float tail = 0.5f * p * t * e;
  return {e * 0.39894228f, 0.5f + std::copysign(0.5f - tail, x)};
}

void forward_row(const float *__restrict x, const float *__restrict bias, int64_t n,
                 float *__restrict out) {
  for (int64_t c = 0; c < n; ++c) {
    const float y = x[c] + bias[c];
    out[c] = y * normal(y).share;
  }
}

void backward_row(const float *__restrict x, const float *__restrict bias,
                  const float *__restrict gradient, int64_t n, float *__restrict out,
                  float *__restrict bias_gradient) {
  for (int64_t c = 0; c < n; ++c) {
    const float y = x[c] + bias[c];
    const Normal at = normal(y);
    out[c] = gradient[c] * (at.share + y * at.density);
    bias_gradient[c] += out[c];
  }
}

struct BiasGelu : torch::autograd::Function<BiasGelu> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &input,
                            const at::Tensor &bias) {
    const at::Tensor x = input.contiguous(), out = at::empty_like(x);
    const int64_t n = bias.size(0);
    parallel_for(0, x.numel() / n, std::max<int64_t>(1, 8192 / n), [&](int64_t row, int64_t end) {
      for (; row < end; ++row)
        forward_row(x.data_ptr<float>() + row * n, bias.data_ptr<float>(), n,
                    out.data_ptr<float>() + row * n);
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
