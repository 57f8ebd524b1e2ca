// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/activation.h"

#include "model/compute/activation_lanes.h"
#include "model/compute/threads.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

#include <algorithm>

namespace vlm {
namespace {

bool is_plain(const at::Tensor &x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() &&
         !(at::GradMode::is_enabled() && x.requires_grad());
}

// body(from, lanes): of [0, n), eight at a time or what is left.
template <typename Body> void in_lanes(int64_t n, const Body &body) {
  parallel_for(0, (n + simd::kLanes - 1) / simd::kLanes, kWorthElements / simd::kLanes,
               [&](int64_t lane, int64_t end) {
                 for (; lane < end; ++lane)
                   body(lane * simd::kLanes, std::min(simd::kLanes, n - lane * simd::kLanes));
               });
}

// A function by its name would be called through a pointer.
template <typename Function>
void gate_in_place(float *gate, const float *up, int64_t n, const Function &activation) {
  in_lanes(n, [=](int64_t i, int64_t lanes) {
    simd::store(gate + i, activation(simd::load(gate + i, lanes)) * simd::load(up + i, lanes),
                lanes);
  });
}

at::Tensor activated(Activation activation, const at::Tensor &x) {
  if (activation == Activation::Silu)
    return at::silu(x);
  return at::gelu(x, activation == Activation::GeluTanh ? "tanh" : "none");
}

} // namespace

at::Tensor gated(Activation activation, at::Tensor gate, const at::Tensor &up) {
  if (!is_plain(gate) || !is_plain(up))
    return activated(activation, gate).mul_(up);
  float *values = gate.data_ptr<float>();
  const float *factors = up.data_ptr<float>();
  switch (activation) {
  case Activation::Silu:
    gate_in_place(values, factors, gate.numel(), [](simd::Float8 x) { return simd::silu(x); });
    break;
  case Activation::GeluErf:
    gate_in_place(values, factors, gate.numel(), [](simd::Float8 x) { return simd::gelu(x); });
    break;
  case Activation::GeluTanh:
    gate_in_place(values, factors, gate.numel(), [](simd::Float8 x) { return simd::gelu_tanh(x); });
    break;
  }
  return gate;
}

at::Tensor quick_gelu(const at::Tensor &x) {
  if (!is_plain(x))
    return x * at::sigmoid(x * 1.702);
  const at::Tensor out = at::empty_like(x);
  const float *from = x.data_ptr<float>();
  float *to = out.data_ptr<float>();
  in_lanes(x.numel(), [=](int64_t i, int64_t lanes) {
    simd::store(to + i, simd::quick_gelu(simd::load(from + i, lanes)), lanes);
  });
  return out;
}

} // namespace vlm
