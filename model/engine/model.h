// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <memory>

namespace vlm {

/// A loaded checkpoint: constant, shared. Everything that changes lives in generate()'s stack.
/// Not for use from several threads at once: a Worker gives it one.
class Model {
public:
  /// Reads, checks and loads the checkpoint (several seconds for a large one). Errors name the file
  /// and tensor, option or value. Error(Memory) before anything is allocated when it cannot fit.
  static std::shared_ptr<const Model> load(const ModelOptions &options,
                                           const std::function<void(double)> &progress = {},
                                           const CancelToken &cancel = {});
  virtual ~Model() = default;
  virtual const ModelInfo &info() const = 0;

  /// Answers one request. Error(Cancelled) when it was cancelled before any text existed.
  virtual Result generate(const Request &request) const = 0;
};

/// Directory of the embedded model: beside the build tree's or the installed library;
/// Error(NotFound) naming the places that were looked at.
std::string embedded_model_path();

} // namespace vlm
