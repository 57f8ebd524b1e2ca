// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/rope.h"

#include "model/compute/threads.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/sin.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One head of one position; `sign` -1 turns back.
void turn(const float *x, const float *cos, const float *sin, float sign, int64_t half, float *y) {
  for (int64_t i = 0; i < half; ++i) {
    y[i] = x[i] * cos[i] - sign * x[half + i] * sin[i];
    y[half + i] = x[half + i] * cos[i] + sign * x[i] * sin[i];
  }
}

// x [B, heads, L, D] -> the same shape, lying in memory as [B, L, heads, D].
at::Tensor turn(const at::Tensor &given, const at::Tensor &cos, const at::Tensor &sin, float sign) {
  const at::Tensor x = given.stride(3) == 1 ? given : given.contiguous();
  const int64_t heads = x.size(1), length = x.size(2), dim = x.size(3), half = dim / 2;
  const at::Tensor y = at::empty({x.size(0), length, heads, dim}, x.options());
  const int64_t batch = x.stride(0), head = x.stride(1), row = x.stride(2);
  const int64_t angle_batch = cos.size(0) > 1 ? length * half : 0;
  const float *in = x.data_ptr<float>(), *c = cos.data_ptr<float>(), *s = sin.data_ptr<float>();
  float *out = y.data_ptr<float>();
  parallel_for(0, x.size(0) * length, grain_of(kWorthElements, heads * dim),
               [=](int64_t from, int64_t to) {
                 for (; from < to; ++from) {
                   const int64_t b = from / length, l = from % length;
                   const int64_t angle = b * angle_batch + l * half;
                   for (int64_t h = 0; h < heads; ++h)
                     turn(in + b * batch + h * head + l * row, c + angle, s + angle, sign, half,
                          out + (from * heads + h) * dim);
                 }
               });
  return y.transpose(1, 2);
}

struct Turn : torch::autograd::Function<Turn> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &cos,
                            const at::Tensor &sin) {
    context->save_for_backward({cos, sin});
    return turn(x, cos, sin, 1);
  }

  static variable_list backward(AutogradContext *context, const variable_list &grads) {
    const variable_list saved = context->get_saved_variables();
    return {turn(grads[0], saved[0], saved[1], -1), {}, {}};
  }
};

} // namespace

Rope::Rope(const at::Tensor &position_ids, int64_t head_dim, double theta) {
  const auto options = at::TensorOptions(at::kFloat).device(position_ids.device());
  const at::Tensor exponents = at::arange(0, head_dim, 2, options) / head_dim;
  const at::Tensor frequencies = at::reciprocal(at::pow(theta, exponents));
  at::Tensor angles = position_ids.to(at::kFloat).unsqueeze(-1) * frequencies;
  angles =
      (angles.dim() == 2 ? angles.unsqueeze(0).unsqueeze(0) : angles.unsqueeze(1)).contiguous();
  cos_ = at::empty_like(angles);
  sin_ = at::empty_like(angles);
  if (!angles.is_cpu()) {
    at::cos_out(cos_, angles);
    at::sin_out(sin_, angles);
    return;
  }
  // One by one: the library's loops round a value differently at the end of a tensor than within
  // it, and a position must be the same in any company.
  const float *from = angles.data_ptr<float>();
  std::transform(from, from + angles.numel(), cos_.data_ptr<float>(),
                 [](float angle) { return std::cos(angle); });
  std::transform(from, from + angles.numel(), sin_.data_ptr<float>(),
                 [](float angle) { return std::sin(angle); });
}

at::Tensor Rope::operator()(const at::Tensor &x) const {
  if (x.is_cpu())
    return Turn::apply(x, cos_, sin_);
  const int64_t half = x.size(-1) / 2;
  const at::Tensor a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
  return at::cat({a * cos_ - b * sin_, b * cos_ + a * sin_}, -1);
}

} // namespace vlm
