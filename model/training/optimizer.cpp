// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/diagonal.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

bool ends(const std::string &name, const char *suffix) {
  const std::string tail = suffix;
  return name.size() >= tail.size() &&
         name.compare(name.size() - tail.size(), tail.size(), tail) == 0;
}

} // namespace

at::Tensor orthogonalize(const at::Tensor &matrix) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  constexpr int kSteps = 5;
  const bool tall = matrix.size(0) > matrix.size(1);
  const at::Tensor x =
      (tall ? matrix.t() : matrix) * (1 / (std::sqrt(squared_norm(matrix)) + 1e-7));
  // Every step multiplies from the left by a polynomial of the Gram matrix: they are collected on
  // that smaller square matrix, and x itself is multiplied once.
  at::Tensor gram = at::mm(x, x.t()), all;
  for (int i = 0; i < kSteps; ++i) {
    at::Tensor step = at::addmm(gram, gram, gram, b, c);
    step.diagonal().add_(a);
    all = all.defined() ? at::mm(step, all) : step;
    if (i + 1 < kSteps)
      gram = at::mm(at::mm(step, gram), step);
  }
  const at::Tensor out = at::mm(all, x);
  return tall ? out.t() : out;
}

double squared_norm(const at::Tensor &values) {
  const at::Tensor dense = values.contiguous();
  const float *data = dense.data_ptr<float>();
  constexpr int64_t kLanes = 8;
  double sums[kLanes] = {};
  const int64_t count = dense.numel(), whole = count - count % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int64_t k = 0; k < kLanes; ++k)
      sums[k] += static_cast<double>(data[i + k]) * data[i + k];
  for (int64_t i = whole; i < count; ++i)
    sums[0] += static_cast<double>(data[i]) * data[i];
  double sum = 0;
  for (const double value : sums)
    sum += value;
  return sum;
}

bool Optimizer::uses_muon(const std::string &name, const at::Tensor &parameter) {
  return parameter.dim() >= 2 && name.rfind("heads.", 0) != 0 && !ends(name, "conv_dw.weight") &&
         !ends(name, "position_embedding.weight") && !ends(name, "embed_tokens.weight") &&
         !ends(name, "token_embedding.weight") && !ends(name, "lm_head.weight");
}

void Optimizer::prepare(const std::string &name, const at::Tensor &parameter) {
  const auto make = [&](const char *kind) {
    at::Tensor &slot = state_[name + kind];
    if (!slot.defined())
      slot = at::zeros_like(parameter.detach());
  };
  if (uses_muon(name, parameter)) {
    make(".momentum");
  } else {
    make(".first");
    make(".second");
  }
}

void Optimizer::update(const std::string &name, const at::Tensor &parameter,
                       const at::Tensor &gradient, double rate, int64_t step) {
  const at::NoGradGuard no_grad;
  if (uses_muon(name, parameter))
    muon(state_.at(name + ".momentum"), parameter, gradient, rate);
  else
    adam(state_.at(name + ".first"), state_.at(name + ".second"), parameter, gradient, rate, step);
}

void Optimizer::muon(at::Tensor &momentum, const at::Tensor &parameter, const at::Tensor &gradient,
                     double rate) const {
  momentum.mul_(settings_.muon_momentum).add_(gradient);
  const at::Tensor ahead = gradient + momentum * settings_.muon_momentum;
  const at::Tensor direction = orthogonalize(ahead.flatten(1));
  const double scale =
      .2 * std::sqrt(static_cast<double>(std::max(direction.size(0), direction.size(1))));
  at::Tensor value = parameter.variable_data();
  value.mul_(1 - rate * settings_.muon_weight_decay);
  value.add_(direction.reshape(parameter.sizes()), -rate * scale);
}

void Optimizer::adam(at::Tensor &first, at::Tensor &second, const at::Tensor &parameter,
                     const at::Tensor &gradient, double rate, int64_t step) const {
  const auto b1 = static_cast<float>(settings_.beta1), b2 = static_cast<float>(settings_.beta2);
  const double correct1 = 1 - std::pow(settings_.beta1, static_cast<double>(step));
  const double correct2 = 1 - std::pow(settings_.beta2, static_cast<double>(step));
  const auto size = static_cast<float>(rate / correct1);
  const auto unbias = static_cast<float>(1 / std::sqrt(correct2));
  const auto epsilon = static_cast<float>(settings_.epsilon);
  const double decay = parameter.dim() >= 2 ? rate * settings_.adam_weight_decay : 0;
  const auto keep = static_cast<float>(1 - decay);
  const at::Tensor dense = gradient.contiguous();
  const float *g = dense.data_ptr<float>();
  float *m = first.data_ptr<float>(), *v = second.data_ptr<float>();
  float *w = parameter.data_ptr<float>();
  for (int64_t i = 0; i < parameter.numel(); ++i) {
    m[i] = b1 * m[i] + (1 - b1) * g[i];
    v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
    w[i] = w[i] * keep - size * m[i] / (std::sqrt(v[i]) * unbias + epsilon);
  }
}

double Schedule::factor(int64_t pictures) const {
  double out = 1;
  if (pictures < warmup)
    out = static_cast<double>(pictures + 1) / static_cast<double>(warmup);
  const int64_t left = total - pictures;
  if (left < cooldown)
    out = std::min(out, floor + (1 - floor) * std::max<double>(0, static_cast<double>(left)) /
                                    static_cast<double>(cooldown));
  return out;
}

} // namespace vlm
