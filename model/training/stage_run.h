// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/training/scene_samples.h"
#include "model/training/trainer.h"

namespace vlm {

/// How a stage is run: what is asked for on the command line.
struct RunOptions {
  int stage = 0;
  int64_t pictures = 0;  ///< of the whole stage, earlier sittings included
  int64_t cooldown = 0;  ///< the last so many, at a falling rate
  std::string directory; ///< checkpoints, log and plot
  std::string start;     ///< parameters to begin with; empty: the stage before, if there is one
  int workers = 2;
  int loader_threads = 1;
  double save_seconds = 180;
  int64_t validate_pictures = 6400; ///< between two validations
};

/// Trains a stage from its start or from where it was left, until it is done or `stop` is
/// cancelled; both leave a checkpoint. `source` makes the training samples, `validation` those of a
/// drawing style that is never trained on. A finished stage goes on when asked for more pictures:
/// from the state before its rate began to fall. Returns whether the stage is done.
bool run_stage(const RunOptions &options, const SceneSource &source, const SceneSource &validation,
               const CancelToken &stop);

/// Where a stage's state lies.
std::string checkpoint_path(const std::string &directory, int stage);

} // namespace vlm
