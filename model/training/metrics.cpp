// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/metrics.h"

namespace vlm {

void Metrics::add(const Metrics &other) {
  pictures += other.pictures;
  for (const auto &[name, value] : other.losses)
    losses[name] += value;
  for (const auto &[name, value] : other.hits) {
    hits[name].first += value.first;
    hits[name].second += value.second;
  }
}

double Metrics::loss(const std::string &name) const {
  const auto found = losses.find(name);
  return found == losses.end() || pictures == 0 ? 0 : found->second / static_cast<double>(pictures);
}

double Metrics::share(const std::string &name) const {
  const auto found = hits.find(name);
  return found == hits.end() || found->second.second == 0
             ? 0
             : found->second.first / found->second.second;
}

} // namespace vlm
