// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

namespace vlm {

/// The hidden states of many prompts behind a part of a model, float32 [1, L, hidden_size] each. In
/// files, since together they take gigabytes: who goes through them holds one at a time. Errors as
/// those of the files, which they name.
class HiddenStates {
public:
  /// In a folder that exists, under a name each, whether they are there yet or will be written.
  HiddenStates(std::filesystem::path folder, std::string name);

  at::Tensor read(size_t prompt) const;
  int64_t length(size_t prompt) const; ///< L
  /// When this returns, a loss of power does no harm.
  void write(size_t prompt, const at::Tensor &states) const;

private:
  std::string path(size_t prompt) const;
  std::filesystem::path folder_;
  std::string name_;
};

} // namespace vlm
