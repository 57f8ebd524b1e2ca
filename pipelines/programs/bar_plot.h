// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vlm {

/// Figures that are compared: one column has each at most once, in the order in which they are
/// drawn.
struct BarColumn {
  std::string name;
  std::vector<std::pair<std::string, double>> figures; ///< at least 0
};

/// Draws a group of bars for every figure and a bar in it for every column, as PNG. `longest`: the
/// value of a bar of full length; 0: the largest of all. Error(Unreadable) naming `path`.
void plot_bars(const std::vector<BarColumn> &columns, double longest, const std::string &path);

} // namespace vlm
