// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace vlm {

/// What several measurements of one thing say of it.
struct Spread {
  double median = 0, min = 0, max = 0;

  /// `values`: at least one.
  static Spread of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const size_t half = values.size() / 2;
    const double median = values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
    return {median, values.front(), values.back()};
  }
};

/// The median of one figure of `side` over the rounds of a comparison: rounds[i][side][field].
inline double median_of(const nlohmann::json &rounds, const std::string &side,
                        const std::string &field) {
  std::vector<double> values;
  for (const auto &round : rounds)
    values.push_back(round[side][field].get<double>());
  return Spread::of(std::move(values)).median;
}

inline void to_json(nlohmann::json &out, const Spread &spread) {
  out = {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

using Samples = std::vector<double>;

inline nlohmann::json spreads(const std::map<std::string, Samples> &samples) {
  auto out = nlohmann::json::object();
  for (const auto &[name, values] : samples)
    out[name] = Spread::of(values);
  return out;
}

} // namespace vlm
