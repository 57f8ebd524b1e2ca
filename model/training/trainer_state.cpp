// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/error.h"
#include "model/training/checkpoint.h"
#include "model/training/trainer.h"

#include <nlohmann/json.hpp>

namespace vlm {
namespace {

nlohmann::json describe(const StagePlan &plan) {
  nlohmann::json out = describe(plan.schedule);
  out.update({{"stage", plan.stage},
              {"batch", plan.batch},
              {"rate", plan.rate},
              {"tower_rate", plan.tower_rate},
              {"dense_weight", plan.dense_weight}});
  return out;
}

StagePlan read_plan(const nlohmann::json &from) {
  StagePlan plan;
  plan.stage = from.at("stage");
  plan.batch = from.at("batch");
  plan.rate = from.at("rate");
  plan.tower_rate = from.at("tower_rate");
  plan.dense_weight = from.at("dense_weight");
  plan.schedule = read_schedule(from);
  return plan;
}

} // namespace

void Trainer::save(const std::string &path) const {
  write_state(path, learner_,
              {{"plan", describe(plan_)},
               {"steps", steps_},
               {"pictures", pictures_},
               {"position", position_},
               {"workers", learner_.workers()},
               {"classes", classes_}});
}

void Trainer::load(const std::string &path) {
  const SafetensorsFile file(path);
  const nlohmann::json state = read_state(file);
  try {
    begin(read_plan(state.at("plan")));
    steps_ = state.at("steps");
    pictures_ = state.at("pictures");
    position_ = state.at("position");
  } catch (const nlohmann::json::exception &error) {
    fail(ErrorCategory::Format, path, ": ", error.what());
  }
  read_learner(learner_, file);
}

void load_parameters(ParameterStore &parameters, const std::string &path) {
  const SafetensorsFile file(path);
  for (const auto &[name, value] : parameters.tensors())
    if (!in_heads(name) || file.tensors().count(name))
      fill(value, file, name);
}

} // namespace vlm
