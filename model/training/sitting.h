// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/training/metrics.h"
#include "model/training/optimizer.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace vlm {

/// Some training that goes on for a number of pictures, whatever is learnt.
class Training {
public:
  virtual ~Training() = default;
  virtual int64_t pictures() const = 0; ///< seen
  virtual int64_t steps() const = 0;
  virtual const Schedule &schedule() const = 0;
  virtual Metrics step() = 0;    ///< one step of the optimizer
  virtual Metrics measure() = 0; ///< on samples that are never trained on
  /// Keeps the state; `stable`: also as the one before the rate began to fall.
  virtual void save(bool stable) = 0;
  virtual nlohmann::json log_line() const = 0; ///< what its lines in the log begin with
  virtual double rate() const = 0;
  virtual double gradient_norm() const = 0;
};

struct SittingOptions {
  std::string label;     ///< on the progress bar
  std::string directory; ///< of log.jsonl and loss.png; exists
  double save_seconds = 180;
  int64_t validate_pictures = 6400; ///< between two validations
};

/// Trains until everything is seen or `stop` is cancelled; both leave a state. Returns whether
/// everything is seen. Error(Settings) while another process trains in the same directory.
bool run_sitting(const SittingOptions &options, Training &training, const CancelToken &stop);

} // namespace vlm
