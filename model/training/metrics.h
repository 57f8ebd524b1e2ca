// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace vlm {

/// Sums over batches: losses weighted by pictures, right answers and questions.
struct Metrics {
  int64_t pictures = 0;
  std::map<std::string, double> losses;
  std::map<std::string, std::pair<double, double>> hits;
  void add(const Metrics &other);
  double loss(const std::string &name) const;
  double share(const std::string &name) const; ///< right answers of all, 0 without questions
};

} // namespace vlm
