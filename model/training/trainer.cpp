// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/trainer.h"

#include "model/core/error.h"
#include "model/language/decoder.h"
#include "model/vision/vision_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/nonzero.h>

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

constexpr size_t kSlice = 8; // pictures: activations of one slice stay near the caches

VisionOutputs see(const VisionModel &model, const at::Tensor &images, const at::Tensor &aux) {
  VisionOutputs out;
  out.tokens = model.vision_tower()(images);
  out.stages = (*model.vision_tower_aux())(aux);
  out.mined = out.tokens + (*model.mining())(out.tokens, out.stages);
  return out;
}

} // namespace

StagePlan stage_plan(int stage, int64_t pictures, int64_t cooldown) {
  StagePlan plan;
  plan.stage = stage;
  plan.schedule = {stage == 0 ? 6400 : 3200, pictures, cooldown};
  plan.tower_rate = stage == 2 ? 6e-4 : plan.rate;
  plan.dense_weight = stage == 0 ? 1 : stage == 1 ? 0 : .3;
  return plan;
}

bool is_trained(int stage, const std::string &name) {
  if (stage == 0)
    return !in_language(name);
  return stage == 2 || (!in_towers(name) && !in_heads(name));
}

Trainer::Trainer(const TinyConfig &config, int64_t classes, uint64_t seed, int workers)
    : config_(config), classes_(classes), learner_(initial_parameters(config, seed), workers) {
  DenseHeads::add_parameters(learner_.parameters(), config, classes, seed + 1);
  begin({});
}

void Trainer::begin(const StagePlan &plan) {
  plan_ = plan;
  steps_ = pictures_ = 0;
  learner_.begin([this](const std::string &name) { return is_trained(plan_.stage, name); });
}

Metrics Trainer::differentiate(const Samples &samples) {
  const Metrics metrics = run(samples, true);
  if (!std::isfinite(metrics.loss("loss")))
    fail(ErrorCategory::Failed, "the loss is not finite at step ", steps_, " of stage ",
         plan_.stage);
  learner_.sum_gradients();
  return metrics;
}

Metrics Trainer::step(const Samples &samples) {
  const Metrics metrics = differentiate(samples);
  const double factor = plan_.schedule.factor(pictures_);
  learner_.update(
      [&](const std::string &name) {
        return factor * (in_towers(name) ? plan_.tower_rate : plan_.rate);
      },
      ++steps_);
  pictures_ += static_cast<int64_t>(samples.size());
  position_ += samples.size();
  return metrics;
}

Metrics Trainer::measure(const Samples &samples) { return run(samples, false); }

Metrics Trainer::run(const Samples &all, bool train) {
  // Sequences of like length share a slice: less padding.
  Samples samples = all;
  std::stable_sort(samples.begin(), samples.end(), [](const auto &a, const auto &b) {
    return a->questions.ids.size() > b->questions.ids.size();
  });
  std::vector<Samples> slices;
  for (size_t i = 0; i < samples.size(); i += kSlice)
    slices.emplace_back(samples.begin() + static_cast<std::ptrdiff_t>(i),
                        samples.begin() +
                            static_cast<std::ptrdiff_t>(std::min(samples.size(), i + kSlice)));
  return learner_.run(slices.size(), [&](const ParameterStore &replica, size_t i) {
    return run_slice(replica, slices[i],
                     static_cast<double>(slices[i].size()) / static_cast<double>(samples.size()),
                     train);
  });
}

Metrics Trainer::run_slice(const ParameterStore &replica, const Samples &slice, double share,
                           bool train) const {
  const at::AutoGradMode gradients(train);
  // Modules are made anew for each slice: whatever they prepare from their weights is then current.
  const Scope scope(replica, at::kFloat);
  const VisionModel model(scope.sub("model"), config_.vision(), config_.hidden);
  const SampleBatch batch = collate(slice);
  const VisionOutputs vision = see(model, batch.images, batch.images_aux);
  Metrics metrics;
  metrics.pictures = static_cast<int64_t>(slice.size());
  const auto count = static_cast<double>(metrics.pictures);
  at::Tensor loss;
  if (plan_.dense_weight > 0) {
    const auto report = DenseHeads(scope.sub("heads"), config_, classes_)(vision, batch.targets);
    loss = report.loss * plan_.dense_weight;
    metrics.hits = report.hits;
    for (const auto &[name, value] : report.parts)
      metrics.losses[name] = value * count;
  }
  if (plan_.stage > 0) {
    const at::Tensor told =
        answers(replica, model.projector()(vision.mined), batch.questions, metrics);
    loss = loss.defined() ? loss + told : told;
  }
  metrics.losses["loss"] = loss.item<double>() * count;
  if (train)
    (loss * share).backward();
  return metrics;
}

at::Tensor Trainer::answers(const ParameterStore &replica, const at::Tensor &visual,
                            const PackedBatch &questions, Metrics &metrics) const {
  const Decoder decoder(Scope(replica, at::kFloat), config_.decoder());
  const int64_t length = questions.ids.size(1), start = questions.image_start;
  const int64_t after = length - start - visual.size(1);
  const at::Tensor text = decoder.embed(questions.ids);
  const at::Tensor rest = text.narrow(1, start + visual.size(1), after);
  const at::Tensor embeds = at::cat({text.narrow(1, 0, start), visual, rest}, 1);
  const at::Tensor hidden = decoder.forward(embeds, questions.positions, questions.mask);
  const at::Tensor wanted = questions.targets.reshape(-1);
  const at::Tensor places = wanted.ne(kIgnore).nonzero().reshape(-1);
  const at::Tensor target = wanted.index_select(0, places);
  const at::Tensor logits =
      decoder.logits(hidden.reshape({-1, config_.hidden}).index_select(0, places));
  const at::Tensor loss = at::cross_entropy_loss(logits, target);
  metrics.losses["answer"] = loss.item<double>() * static_cast<double>(metrics.pictures);
  metrics.hits["answer"] = {logits.detach().argmax(-1).eq(target).sum().item<double>(),
                            static_cast<double>(target.numel())};
  return loss;
}

} // namespace vlm
