// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/state_dict.h"

#include <functional>
#include <map>

namespace vlm {

/// Parameters under training: float32 leaves with the names of the released checkpoints. Modules
/// built on it share its tensors, so gradients reach them through the code that inference runs.
/// Not thread-safe; each thread trains on a replica of its own.
class ParameterStore : public StateDict {
public:
  /// Takes the value (made float32 and contiguous). Replaces an earlier one of that name.
  void add(const std::string &name, const at::Tensor &value);

  /// Leaves of their own over the same memory: gradients of two replicas never meet. Only names for
  /// which `trainable` holds ask for a gradient.
  ParameterStore replica(const std::function<bool(const std::string &)> &trainable) const;

  const std::map<std::string, at::Tensor> &tensors() const { return tensors_; }
  const at::Tensor &at(const std::string &name) const;
  int64_t size() const; ///< number of values

  bool contains(const std::string &name) const override { return tensors_.count(name) > 0; }
  std::vector<std::string> names() const override;
  std::vector<int64_t> shape(const std::string &name) const override;
  /// The parameter itself. Error(Unsupported) for another type than float32.
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override;
  std::string origin(const std::string &) const override { return "parameters under training"; }

private:
  std::map<std::string, at::Tensor> tensors_;
};

} // namespace vlm
