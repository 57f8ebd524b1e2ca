// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/painter_trainer.h"

#include "model/core/error.h"
#include "model/training/checkpoint.h"
#include "model/training/painter/sizes.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

constexpr double kDecay = .999; // of the average, a step
constexpr const char *kAverage = "average.";

bool everything(const std::string &) { return true; }

} // namespace

PainterTrainer::PainterTrainer(const ParameterStore &parameters, Loss loss, int workers)
    : learner_(parameters, workers), loss_(std::move(loss)) {
  begin({});
}

void PainterTrainer::begin(const PainterPlan &plan) {
  plan_ = plan;
  steps_ = pictures_ = 0;
  learner_.begin(everything);
  average_ = ParameterStore();
  for (const auto &[name, value] : learner_.parameters().tensors())
    average_.add(name, value.clone());
}

Metrics PainterTrainer::differentiate(const Samples &samples) {
  const Metrics metrics = run(samples, nullptr, true);
  if (!std::isfinite(metrics.loss("loss")))
    fail(ErrorCategory::Failed, "the loss is not finite at step ", steps_);
  learner_.sum_gradients();
  return metrics;
}

Metrics PainterTrainer::step(const Samples &samples) {
  const Metrics metrics = differentiate(samples);
  const double rate = plan_.rate * plan_.schedule.factor(pictures_);
  learner_.update([rate](const std::string &) { return rate; }, ++steps_);
  pictures_ += static_cast<int64_t>(samples.size());
  follow();
  return metrics;
}

// At first the average follows closely: what it began with means nothing.
void PainterTrainer::follow() {
  const at::NoGradGuard no_grad;
  const auto steps = static_cast<double>(steps_);
  const double decay = std::min(kDecay, (1 + steps) / (10 + steps));
  for (const auto &[name, value] : learner_.parameters().tensors())
    average_.at(name).variable_data().mul_(decay).add_(value, 1 - decay);
}

Metrics PainterTrainer::measure(const Samples &samples) { return run(samples, &average_, false); }

Metrics PainterTrainer::measure_now(const Samples &samples) { return run(samples, nullptr, false); }

// With `weights` in place of the replicas.
Metrics PainterTrainer::run(const Samples &samples, const ParameterStore *weights, bool train) {
  const size_t slices = (samples.size() + kPictureSlice - 1) / kPictureSlice;
  return learner_.run(slices, [&](const ParameterStore &replica, size_t i) {
    const at::AutoGradMode gradients(train);
    const auto from = samples.begin() + static_cast<std::ptrdiff_t>(i * kPictureSlice);
    const auto to = samples.begin() +
                    static_cast<std::ptrdiff_t>(std::min(samples.size(), (i + 1) * kPictureSlice));
    const PainterLoss loss =
        loss_(Scope(weights ? *weights : replica, at::kFloat), collate(Samples(from, to)));
    Metrics metrics;
    metrics.pictures = to - from;
    for (const auto &[name, value] : loss.parts)
      metrics.losses[name] = value * static_cast<double>(metrics.pictures);
    if (train)
      (loss.loss * (static_cast<double>(metrics.pictures) / static_cast<double>(samples.size())))
          .backward();
    return metrics;
  });
}

void PainterTrainer::save(const std::string &path) const {
  std::vector<std::pair<std::string, at::Tensor>> average;
  for (const auto &[name, value] : average_.tensors())
    average.emplace_back(kAverage + name, value);
  write_state(path, learner_,
              {{"schedule", describe(plan_.schedule)},
               {"batch", plan_.batch},
               {"rate", plan_.rate},
               {"more", plan_.more},
               {"steps", steps_},
               {"pictures", pictures_},
               {"workers", learner_.workers()}},
              average);
}

void PainterTrainer::load(const std::string &path) {
  const SafetensorsFile file(path);
  const nlohmann::json state = read_state(file);
  try {
    begin({state.at("batch"), state.at("rate"), read_schedule(state.at("schedule")),
           state.at("more")});
    steps_ = state.at("steps");
    pictures_ = state.at("pictures");
  } catch (const nlohmann::json::exception &error) {
    fail(ErrorCategory::Format, path, ": ", error.what());
  }
  read_learner(learner_, file);
  for (const auto &[name, value] : average_.tensors())
    fill(value, file, kAverage + name);
}

PainterState load_average(ParameterStore &parameters, const std::string &path) {
  const SafetensorsFile file(path);
  const nlohmann::json state = read_state(file);
  for (const auto &[name, value] : parameters.tensors())
    fill(value, file, kAverage + name);
  try {
    return {state.at("pictures"), state.at("more")};
  } catch (const nlohmann::json::exception &error) {
    fail(ErrorCategory::Format, path, ": ", error.what());
  }
}

} // namespace vlm
