// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/error.h"
#include "model/weights/state_dict.h"

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace vlm::test {

/// Tensors in memory; load() hands out the tensor itself, as a dictionary under training does.
class Tensors : public StateDict {
public:
  std::map<std::string, at::Tensor> all;

  bool contains(const std::string &name) const override { return all.count(name) > 0; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto &entry : all)
      names.push_back(entry.first);
    return names;
  }
  std::vector<int64_t> shape(const std::string &name) const override {
    return find(name).sizes().vec();
  }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    return find(name).to(dtype);
  }
  std::string origin(const std::string &) const override { return "memory"; }

private:
  const at::Tensor &find(const std::string &name) const {
    const auto found = all.find(name);
    if (found == all.end())
      fail(ErrorCategory::Format, "memory: no tensor ", name);
    return found->second;
  }
};

} // namespace vlm::test
