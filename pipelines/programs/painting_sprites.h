// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/assets.h"
#include "pipelines/programs/command_line.h"

namespace vlm {

/// What paintings are composed of, as the command line names it: for training as for evaluation.
struct PaintingSprites {
  std::string directory;           ///< sprite pack with its categories.tsv
  std::string exclude = "fxemoji"; ///< source to leave out; empty: none
  std::vector<std::string> styles; ///< sources to take; empty: all
};

/// Adds --sprites, --exclude and --style, which write to `sprites`; it must outlive `line`.
void declare(CommandLine &line, PaintingSprites &sprites);

/// Errors as scenes::load_assets().
scenes::Assets load(const PaintingSprites &sprites);

} // namespace vlm
