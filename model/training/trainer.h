// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/learner.h"
#include "model/training/sample.h"

namespace vlm {

/// What one stage trains, on how much, how fast (scenes/README 6.1).
struct StagePlan {
  int stage = 0;            ///< 0 see, 1 align, 2 talk
  int64_t batch = 32;       ///< pictures a step
  double rate = 2e-3;       ///< peak learning rate
  double tower_rate = 2e-3; ///< of the two towers
  double dense_weight = 1;  ///< of the dense labels' loss beside the answers'
  Schedule schedule;
};

/// The plan of a stage with the recipe's values for `pictures` pictures.
StagePlan stage_plan(int stage, int64_t pictures, int64_t cooldown);
bool is_trained(int stage, const std::string &name);

/// Fills parameters from a trainer's state or a model.safetensors of the released layout, which has
/// no dense heads. Error(Format) naming a tensor that is missing or has another shape.
void load_parameters(ParameterStore &parameters, const std::string &path);

/// The steps that the MGM model learns by: its losses, stage by stage, over a Learner.
class Trainer {
public:
  Trainer(const TinyConfig &config, int64_t classes, uint64_t seed, int workers);

  /// Starts a stage: fresh optimizer state, step 0.
  void begin(const StagePlan &plan);
  /// More or fewer pictures for the running stage.
  void reschedule(const Schedule &schedule) { plan_.schedule = schedule; }

  /// Losses and the gradients of one batch, without a step. Error(Failed) when the loss is not
  /// finite.
  Metrics differentiate(const std::vector<std::shared_ptr<const Sample>> &samples);
  const std::map<std::string, at::Tensor> &gradients() const { return learner_.gradients(); }

  /// One optimizer step.
  Metrics step(const std::vector<std::shared_ptr<const Sample>> &samples);
  /// Losses and right answers without training.
  Metrics measure(const std::vector<std::shared_ptr<const Sample>> &samples);

  const TinyConfig &config() const { return config_; }
  const StagePlan &plan() const { return plan_; }
  int64_t steps() const { return steps_; }        ///< of this stage
  int64_t pictures() const { return pictures_; }  ///< of this stage
  uint64_t position() const { return position_; } ///< index of the next sample, over all stages
  double gradient_norm() const { return learner_.gradient_norm(); }
  const ParameterStore &parameters() const { return learner_.parameters(); }
  const Optimizer &optimizer() const { return learner_.optimizer(); }

  /// Everything that a later step depends on, in one file, written atomically.
  void save(const std::string &path) const;
  /// Error(Format) when the file belongs to another configuration.
  void load(const std::string &path);
  /// Parameters only, from a save() or a checkpoint of the released layout.
  void load_parameters(const std::string &path) {
    vlm::load_parameters(learner_.parameters(), path);
  }

private:
  using Samples = std::vector<std::shared_ptr<const Sample>>;
  Metrics run(const Samples &samples, bool train);
  Metrics run_slice(const ParameterStore &replica, const Samples &slice, double share,
                    bool train) const;
  at::Tensor answers(const ParameterStore &replica, const at::Tensor &visual,
                     const PackedBatch &questions, Metrics &metrics) const;

  TinyConfig config_;
  int64_t classes_;
  StagePlan plan_;
  Learner learner_;
  int64_t steps_ = 0, pictures_ = 0;
  uint64_t position_ = 0;
};

} // namespace vlm
