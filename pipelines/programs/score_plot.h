// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/scorer.h"

#include <string>

namespace vlm {

/// Draws one group of bars a figure and one bar a column as a PNG.
void plot_scores(const std::map<std::string, scenes::Scores> &columns, const std::string &path);

} // namespace vlm
