// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/metrics.h"
#include "model/training/optimizer.h"
#include "model/training/parameter_store.h"
#include "model/training/worker_pool.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace vlm {

/// Parameters, their optimizer and the workers that share the work of a step, whatever is learnt. A
/// batch comes in slices that workers take in turn, so that a result depends on the number of
/// workers only by rounding, and on nothing else.
class Learner {
public:
  Learner(ParameterStore parameters, int workers);

  /// Fresh optimizer state for the parameters that `trained` names; the others stay as they are.
  void begin(const std::function<bool(const std::string &)> &trained);

  /// Adds up slice(replica, i) of all slices, each on a worker with a replica of its own.
  using Slice = std::function<Metrics(const ParameterStore &replica, size_t index)>;
  Metrics run(size_t slices, const Slice &slice);

  /// Gradients that the slices left since the last call.
  void sum_gradients();
  const std::map<std::string, at::Tensor> &gradients() const { return gradients_; }
  double gradient_norm() const { return gradient_norm_; }

  /// One step of the optimizer, number `step` from 1, on gradients clipped to a norm of 1.
  void update(const std::function<double(const std::string &)> &rate, int64_t step);

  int workers() const { return pool_.size(); }
  ParameterStore &parameters() { return parameters_; }
  const ParameterStore &parameters() const { return parameters_; }
  const Optimizer &optimizer() const { return optimizer_; }

private:
  ParameterStore parameters_;
  std::vector<ParameterStore> replicas_; // one a worker
  std::vector<std::string> trained_;
  std::map<std::string, at::Tensor> gradients_;
  Optimizer optimizer_;
  WorkerPool pool_;
  double gradient_norm_ = 0;
};

} // namespace vlm
