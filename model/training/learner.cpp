// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/learner.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

namespace vlm {

Learner::Learner(ParameterStore parameters, int workers)
    : parameters_(std::move(parameters)), pool_(workers) {}

void Learner::begin(const std::function<bool(const std::string &)> &trained) {
  optimizer_ = Optimizer();
  trained_.clear();
  gradients_.clear();
  for (const auto &[name, value] : parameters_.tensors())
    if (trained(name)) {
      trained_.push_back(name);
      optimizer_.prepare(name, value);
    }
  replicas_.clear();
  for (int i = 0; i < pool_.size(); ++i)
    replicas_.push_back(parameters_.replica(trained));
}

Metrics Learner::run(size_t slices, const Slice &slice) {
  std::vector<Metrics> results(slices);
  pool_.run([&](int worker) {
    const auto first = static_cast<size_t>(worker), stride = static_cast<size_t>(pool_.size());
    for (size_t i = first; i < slices; i += stride)
      results[i] = slice(replicas_[first], i);
  });
  Metrics sum;
  for (const Metrics &result : results)
    sum.add(result);
  return sum;
}

void Learner::sum_gradients() {
  gradients_.clear();
  std::vector<double> squares(trained_.size(), 0);
  std::vector<at::Tensor> sums(trained_.size());
  pool_.run([&](int worker) {
    const at::NoGradGuard no_grad;
    for (size_t i = static_cast<size_t>(worker); i < trained_.size();
         i += static_cast<size_t>(pool_.size())) {
      for (ParameterStore &replica : replicas_) {
        at::Tensor leaf = replica.at(trained_[i]);
        at::Tensor gradient = leaf.grad();
        leaf.mutable_grad() = at::Tensor();
        if (gradient.defined())
          sums[i] = sums[i].defined() ? sums[i].add_(gradient) : gradient;
      }
      if (sums[i].defined())
        squares[i] = squared_norm(sums[i]);
    }
  });
  double total = 0;
  for (size_t i = 0; i < trained_.size(); ++i) {
    total += squares[i];
    if (sums[i].defined())
      gradients_[trained_[i]] = sums[i];
  }
  gradient_norm_ = std::sqrt(total);
}

void Learner::update(const std::function<double(const std::string &)> &rate, int64_t step) {
  const double clip = std::min(1.0, 1 / (gradient_norm_ + 1e-6));
  // Dearest first, dealt out in turn: every worker gets about as much orthogonalisation.
  std::vector<std::pair<std::string, at::Tensor>> order(gradients_.begin(), gradients_.end());
  std::stable_sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
    return a.second.numel() > b.second.numel();
  });
  pool_.run([&](int worker) {
    const at::NoGradGuard no_grad;
    for (size_t i = static_cast<size_t>(worker); i < order.size();
         i += static_cast<size_t>(pool_.size())) {
      const std::string &name = order[i].first;
      optimizer_.update(name, parameters_.at(name), order[i].second.mul_(clip), rate(name), step);
    }
  });
  gradients_.clear();
}

} // namespace vlm
