// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/checkpoint.h"

#include "model/core/error.h"

#include <ATen/ops/copy.h>
#include <nlohmann/json.hpp>

namespace vlm {
namespace {

constexpr const char *kOptimizer = "optimizer.";
constexpr int kFormat = 1;

} // namespace

void write_state(const std::string &path, const Learner &learner, const nlohmann::json &state,
                 const std::vector<std::pair<std::string, at::Tensor>> &more) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto &[name, value] : learner.parameters().tensors())
    tensors.emplace_back(name, value);
  for (const auto &[name, value] : learner.optimizer().state())
    tensors.emplace_back(kOptimizer + name, value);
  tensors.insert(tensors.end(), more.begin(), more.end());
  nlohmann::json whole = state;
  whole["format"] = kFormat;
  write_safetensors(path, tensors, {{"format", "pt"}, {"training", whole.dump()}});
}

nlohmann::json read_state(const SafetensorsFile &file) {
  const auto header = nlohmann::json::parse(file.header(), nullptr, false);
  const auto none = nlohmann::json::object();
  const std::string text = header.is_object()
                               ? header.value("__metadata__", none).value("training", std::string())
                               : std::string();
  auto state = nlohmann::json::parse(text, nullptr, false);
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

void read_learner(Learner &learner, const SafetensorsFile &file) {
  for (const auto &[name, value] : learner.parameters().tensors())
    fill(value, file, name);
  for (const auto &[name, value] : learner.optimizer().state())
    fill(value, file, kOptimizer + name);
}

nlohmann::json describe(const Schedule &schedule) {
  return {{"warmup", schedule.warmup},
          {"total", schedule.total},
          {"cooldown", schedule.cooldown},
          {"floor", schedule.floor}};
}

Schedule read_schedule(const nlohmann::json &from) {
  return {from.at("warmup"), from.at("total"), from.at("cooldown"), from.at("floor")};
}

} // namespace vlm
