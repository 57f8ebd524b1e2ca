// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace vlm {

/// The closest orthogonal matrix to `matrix` [rows, columns], roughly: five Newton-Schulz steps.
at::Tensor orthogonalize(const at::Tensor &matrix);

/// Muon for matrices, AdamW for everything else. State of a parameter appears with its first
/// update. update() may run on several threads for different names.
class Optimizer {
public:
  struct Settings {
    double muon_momentum = .95, muon_weight_decay = .05;
    double beta1 = .9, beta2 = .98, epsilon = 1e-8, adam_weight_decay = .01;
  };
  Optimizer() : Optimizer(Settings()) {}
  explicit Optimizer(const Settings &settings) : settings_(settings) {}

  /// Muon takes matrices of layers; embeddings, the output head, depthwise kernels, and vectors go
  /// to AdamW.
  static bool uses_muon(const std::string &name, const at::Tensor &parameter);
  /// Makes room for the state of a parameter: call it for all before updating on several threads.
  void prepare(const std::string &name, const at::Tensor &parameter);
  /// One step on a contiguous float32 parameter, in place. `step` counts from 1.
  void update(const std::string &name, const at::Tensor &parameter, const at::Tensor &gradient,
              double rate, int64_t step);

  /// "NAME.momentum" or "NAME.first" and "NAME.second": what a checkpoint keeps.
  const std::map<std::string, at::Tensor> &state() const { return state_; }

private:
  void muon(at::Tensor &momentum, const at::Tensor &parameter, const at::Tensor &gradient,
            double rate) const;
  void adam(at::Tensor &first, at::Tensor &second, const at::Tensor &parameter,
            const at::Tensor &gradient, double rate, int64_t step) const;

  Settings settings_;
  std::map<std::string, at::Tensor> state_;
};

/// Sum of squares of all values.
double squared_norm(const at::Tensor &values);

/// Learning rate over a stage, in pictures: a linear start, a flat part that can be prolonged at
/// any time, and a linear end. Returns a factor of the peak rate.
struct Schedule {
  int64_t warmup = 0;   ///< pictures
  int64_t total = 0;    ///< pictures
  int64_t cooldown = 0; ///< the last so many pictures
  double floor = .03;
  double factor(int64_t pictures) const;
};

} // namespace vlm
