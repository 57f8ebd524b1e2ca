// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/pace.h"
#include "model/engine/engine.h"

#include <memory>
#include <vector>

namespace vlm {

/// What one request has of its answer so far. Ends before its model; one thread at a time.
class Answer {
public:
  virtual ~Answer() = default;
  /// No further token will come.
  virtual bool finished() const = 0;
  /// The whole, once it is finished; rethrows what went wrong with this answer alone.
  virtual Result take() = 0;
};

/// A loaded checkpoint: constant, shared. Everything that changes lives in Answers.
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

  /// Looks at the pictures and reads the prompt, with `pace` between layers, whose turns may
  /// advance other answers. Error(Cancelled) when it was cancelled meanwhile.
  virtual std::unique_ptr<Answer> begin(Request request, const Pace &pace) const = 0;

  /// One more token for each of up to kMostAnswers unfinished answers of this model, in one pass.
  /// On the CPU an answer's tokens do not depend on its company.
  virtual void advance(const std::vector<Answer *> &answers) const = 0;
  static constexpr size_t kMostAnswers = 32;

  /// Answers one request. Error(Cancelled) when it was cancelled before any text existed.
  Result generate(const Request &request) const;
};

/// Directory of the embedded model: beside the build tree's or the installed library;
/// Error(NotFound) naming the places that were looked at.
std::string embedded_model_path();

} // namespace vlm
