// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/learner.h"
#include "model/training/painter/losses.h"
#include "model/weights/safetensors.h"

#include <nlohmann/json.hpp>

#include <functional>

namespace vlm {

/// What a painter's stage learns on how much, how fast.
struct PainterPlan {
  int64_t batch = 32; ///< pictures a step
  double rate = 1e-3; ///< peak learning rate
  Schedule schedule;
  nlohmann::json more; ///< what else a stage must know again when it goes on
};

/// The steps that a painter learns by, whichever of its stages: a loss over a Learner, and the
/// moving average of the weights, which is what is measured and shipped.
class PainterTrainer {
public:
  using Samples = std::vector<std::shared_ptr<const PainterSample>>;
  /// Called on several threads.
  using Loss = std::function<PainterLoss(const Scope &scope, const PainterBatch &batch)>;
  PainterTrainer(const ParameterStore &parameters, Loss loss, int workers);

  void begin(const PainterPlan &plan);
  void reschedule(const Schedule &schedule) { plan_.schedule = schedule; }

  /// Losses and the gradients of one batch, without a step. Error(Failed) when the loss is not
  /// finite.
  Metrics differentiate(const Samples &samples);
  const std::map<std::string, at::Tensor> &gradients() const { return learner_.gradients(); }

  Metrics step(const Samples &samples);
  /// Losses of the averaged weights.
  Metrics measure(const Samples &samples);
  /// Losses of the weights as they are.
  Metrics measure_now(const Samples &samples);

  const PainterPlan &plan() const { return plan_; }
  int64_t steps() const { return steps_; }
  int64_t pictures() const { return pictures_; }
  double gradient_norm() const { return learner_.gradient_norm(); }
  ParameterStore &parameters() { return learner_.parameters(); }
  const Optimizer &optimizer() const { return learner_.optimizer(); }
  const ParameterStore &average() const { return average_; }

  /// Everything that a later step depends on, in one file, written atomically.
  void save(const std::string &path) const;
  /// Error(Format) when the file belongs to another configuration.
  void load(const std::string &path);

private:
  Metrics run(const Samples &samples, const ParameterStore *weights, bool train);
  void follow();

  PainterPlan plan_;
  Learner learner_;
  Loss loss_;
  ParameterStore average_;
  int64_t steps_ = 0, pictures_ = 0;
};

/// Averaged weights of a state that save() wrote, into parameters of the same names, and its plan's
/// `more` and pictures. Error(Format) as PainterTrainer::load().
struct PainterState {
  int64_t pictures;
  nlohmann::json more;
};
PainterState load_average(ParameterStore &parameters, const std::string &path);

} // namespace vlm
