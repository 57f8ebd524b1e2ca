// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
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

/// "183.1 (181.0 to 185.2)", or "0.183 s (0.181 to 0.185)": a Spread as JSON. `width`: of the
/// median.
inline std::string range_text(const nlohmann::json &spread, int width, int decimals,
                              const char *unit = "") {
  char text[96];
  std::snprintf(text, sizeof text, "%*.*f%s (%.*f to %.*f)", width, decimals,
                spread["median"].get<double>(), unit, decimals, spread["min"].get<double>(),
                decimals, spread["max"].get<double>());
  return text;
}

using Samples = std::vector<double>;

inline nlohmann::json spreads(const std::map<std::string, Samples> &samples) {
  auto out = nlohmann::json::object();
  for (const auto &[name, values] : samples)
    out[name] = Spread::of(values);
  return out;
}

} // namespace vlm
