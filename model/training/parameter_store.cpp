// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/parameter_store.h"

#include "model/core/error.h"

namespace vlm {

void ParameterStore::add(const std::string &name, const at::Tensor &value) {
  tensors_[name] = value.detach().to(at::kFloat).contiguous();
}

ParameterStore
ParameterStore::replica(const std::function<bool(const std::string &)> &trainable) const {
  ParameterStore out;
  for (const auto &[name, value] : tensors_)
    out.tensors_[name] = value.variable_data().requires_grad_(trainable(name));
  return out;
}

const at::Tensor &ParameterStore::at(const std::string &name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    fail(ErrorCategory::Format, origin(name), ": no tensor ", name);
  return found->second;
}

int64_t ParameterStore::size() const {
  int64_t count = 0;
  for (const auto &[name, value] : tensors_)
    count += value.numel();
  return count;
}

std::vector<std::string> ParameterStore::names() const {
  std::vector<std::string> out;
  out.reserve(tensors_.size());
  for (const auto &[name, value] : tensors_)
    out.push_back(name);
  return out;
}

std::vector<int64_t> ParameterStore::shape(const std::string &name) const {
  return at(name).sizes().vec();
}

at::Tensor ParameterStore::load(const std::string &name, at::ScalarType dtype) const {
  if (dtype != at::kFloat)
    fail(ErrorCategory::Unsupported, "parameter ", name, " is trained in float32 only");
  return at(name);
}

} // namespace vlm
