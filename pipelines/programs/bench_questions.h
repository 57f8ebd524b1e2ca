// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

struct BenchQuestionsOptions {
  std::string model; ///< checkpoint directory; empty: the embedded one
  std::string precision = "auto";
  std::string device = "cpu";
  std::vector<int64_t> counts = {1, 2, 4, 8}; ///< of questions about one picture
  int64_t rounds = 3;
  int64_t max_tokens = 40;
};

/// Several questions about one picture: asked together, as vlmcaption's property `questions` does,
/// and each for itself. Both sides of a count take turns. Prints the median seconds of both, their
/// ratio, and how many answers differ.
///
/// Returns {"model", "precision", "machine" (machine_probe.h), "runs": [{"questions", "alone",
/// "together", "ratio", "answers", "mismatches"}]}, seconds as {"median", "min", "max"}.
nlohmann::json bench_questions(const BenchQuestionsOptions &options);

} // namespace vlm
