// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/hidden_states.h"

#include "model/weights/safetensors.h"

namespace vlm {
namespace {

constexpr const char *kStates = "hidden_states";

} // namespace

HiddenStates::HiddenStates(std::filesystem::path folder, std::string name)
    : folder_(std::move(folder)), name_(std::move(name)) {}

std::string HiddenStates::path(size_t prompt) const {
  return (folder_ / (name_ + "-" + std::to_string(prompt) + ".safetensors")).string();
}

at::Tensor HiddenStates::read(size_t prompt) const {
  return SafetensorsFile(path(prompt)).load(kStates);
}

int64_t HiddenStates::length(size_t prompt) const {
  return SafetensorsFile(path(prompt)).info(kStates).shape.at(1);
}

void HiddenStates::write(size_t prompt, const at::Tensor &states) const {
  write_safetensors(path(prompt), {{kStates, states}});
}

} // namespace vlm
