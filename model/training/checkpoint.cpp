// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/error.h"
#include "model/training/trainer.h"
#include "model/weights/safetensors.h"

#include <ATen/ops/copy.h>
#include <nlohmann/json.hpp>

namespace vlm {
namespace {

constexpr const char *kOptimizer = "optimizer.";
constexpr int kFormat = 1;

nlohmann::json read_state(const SafetensorsFile &file) {
  const auto header = nlohmann::json::parse(file.header(), nullptr, false);
  const auto none = nlohmann::json::object();
  const std::string text = header.is_object()
                               ? header.value("__metadata__", none).value("training", std::string())
                               : std::string();
  const auto state = nlohmann::json::parse(text, nullptr, false);
  if (!state.is_object() || state.value("format", 0) != kFormat)
    fail(ErrorCategory::Format, file.path(), ": not a training checkpoint of this version");
  return state;
}

void fill(at::Tensor to, const SafetensorsFile &file, const std::string &name) {
  const at::Tensor from = file.load(name, at::kFloat);
  if (from.sizes() != to.sizes())
    fail(ErrorCategory::Format, file.path(), ": tensor ", name,
         " has another shape than this configuration");
  to.variable_data().copy_(from);
}

nlohmann::json describe(const StagePlan &plan) {
  return {{"stage", plan.stage},
          {"batch", plan.batch},
          {"rate", plan.rate},
          {"tower_rate", plan.tower_rate},
          {"dense_weight", plan.dense_weight},
          {"warmup", plan.schedule.warmup},
          {"total", plan.schedule.total},
          {"cooldown", plan.schedule.cooldown},
          {"floor", plan.schedule.floor}};
}

StagePlan read_plan(const nlohmann::json &from) {
  StagePlan plan;
  plan.stage = from.at("stage");
  plan.batch = from.at("batch");
  plan.rate = from.at("rate");
  plan.tower_rate = from.at("tower_rate");
  plan.dense_weight = from.at("dense_weight");
  plan.schedule = {from.at("warmup"), from.at("total"), from.at("cooldown"), from.at("floor")};
  return plan;
}

} // namespace

void Trainer::save(const std::string &path) const {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto &[name, value] : parameters_.tensors())
    tensors.emplace_back(name, value);
  for (const auto &[name, value] : optimizer_.state())
    tensors.emplace_back(kOptimizer + name, value);
  const nlohmann::json state = {{"format", kFormat},     {"plan", describe(plan_)},
                                {"steps", steps_},       {"pictures", pictures_},
                                {"position", position_}, {"workers", pool_.size()},
                                {"classes", classes_}};
  write_safetensors(path, tensors, {{"format", "pt"}, {"training", state.dump()}});
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
  for (const auto &[name, value] : parameters_.tensors())
    fill(value, file, name);
  for (const auto &[name, value] : optimizer_.state())
    fill(value, file, kOptimizer + name);
}

void load_parameters(ParameterStore &parameters, const std::string &path) {
  const SafetensorsFile file(path);
  for (const auto &[name, value] : parameters.tensors())
    if (!in_heads(name) || file.tensors().count(name))
      fill(value, file, name);
}

} // namespace vlm
