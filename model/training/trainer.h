// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/optimizer.h"
#include "model/training/sample.h"
#include "model/training/worker_pool.h"

#include <map>
#include <optional>

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

/// Sums over batches: losses weighted by pictures, right answers and questions.
struct Metrics {
  int64_t pictures = 0;
  std::map<std::string, double> losses;
  std::map<std::string, std::pair<double, double>> hits;
  void add(const Metrics &other);
  double loss(const std::string &name) const;
  double share(const std::string &name) const; ///< right answers of all, 0 without questions
};

/// Fills parameters from a trainer's state or a model.safetensors of the released layout, which has
/// no dense heads. Error(Format) naming a tensor that is missing or has another shape.
void load_parameters(ParameterStore &parameters, const std::string &path);

/// Parameters, optimizer and the arithmetic of a training step. Each batch is cut into slices that
/// workers take in turn, so that a result depends on the number of workers only by rounding, and on
/// nothing else.
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
  const std::map<std::string, at::Tensor> &gradients() const { return gradients_; }

  /// One optimizer step.
  Metrics step(const std::vector<std::shared_ptr<const Sample>> &samples);
  /// Losses and right answers without training.
  Metrics measure(const std::vector<std::shared_ptr<const Sample>> &samples);

  const TinyConfig &config() const { return config_; }
  const StagePlan &plan() const { return plan_; }
  int64_t steps() const { return steps_; }        ///< of this stage
  int64_t pictures() const { return pictures_; }  ///< of this stage
  uint64_t position() const { return position_; } ///< index of the next sample, over all stages
  double gradient_norm() const { return gradient_norm_; }
  const ParameterStore &parameters() const { return parameters_; }
  const Optimizer &optimizer() const { return optimizer_; }

  /// Everything that a later step depends on, in one file, written atomically.
  void save(const std::string &path) const;
  /// Error(Format) when the file belongs to another configuration.
  void load(const std::string &path);
  /// Parameters only, from a save() or a checkpoint of the released layout.
  void load_parameters(const std::string &path) { vlm::load_parameters(parameters_, path); }

private:
  using Samples = std::vector<std::shared_ptr<const Sample>>;
  Metrics run(const Samples &samples, bool train);
  Metrics run_slice(const ParameterStore &replica, const Samples &slice, double share,
                    bool train) const;
  at::Tensor answers(const ParameterStore &replica, const at::Tensor &visual,
                     const PackedBatch &questions, Metrics &metrics) const;
  void make_replicas();
  void sum_gradients();
  void update();

  TinyConfig config_;
  int64_t classes_;
  StagePlan plan_;
  ParameterStore parameters_;
  std::vector<ParameterStore> replicas_; // one a worker
  std::vector<std::string> trained_;
  std::map<std::string, at::Tensor> gradients_;
  Optimizer optimizer_;
  WorkerPool pool_;
  int64_t steps_ = 0, pictures_ = 0;
  uint64_t position_ = 0;
  double gradient_norm_ = 0;
};

} // namespace vlm
