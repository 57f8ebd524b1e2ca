// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/state_dict.h"

#include <map>

namespace vlm {

/// A dictionary with tensors in memory laid over it. `below` must outlive it.
class OverlayStateDict : public StateDict {
public:
  explicit OverlayStateDict(const StateDict &below) : below_(below) {}

  void set(const std::string &name, at::Tensor tensor) { tensors_[name] = std::move(tensor); }

  bool contains(const std::string &name) const override {
    return tensors_.count(name) > 0 || below_.contains(name);
  }
  /// Those of the dictionary below: layers are counted by them.
  std::vector<std::string> names() const override { return below_.names(); }
  std::vector<int64_t> shape(const std::string &name) const override {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? below_.shape(name) : found->second.sizes().vec();
  }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? below_.load(name, dtype) : found->second.to(dtype);
  }
  std::string origin(const std::string &name) const override { return below_.origin(name); }

private:
  const StateDict &below_;
  std::map<std::string, at::Tensor> tensors_;
};

} // namespace vlm
