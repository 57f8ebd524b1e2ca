// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/scorer.h"
#include "pipelines/programs/bar_plot.h"

#include <map>
#include <string>

namespace vlm {

/// Draws a group of bars for every figure of a table of scores.
inline void plot_scores(const std::map<std::string, scenes::Scores> &table,
                        const std::string &path) {
  std::vector<BarColumn> columns;
  for (const auto &[name, scores] : table) {
    columns.push_back({name, {}});
    for (const auto &[figure, score] : scores)
      columns.back().figures.emplace_back(figure, score.value);
  }
  plot_bars(columns, 1, path);
}

} // namespace vlm
