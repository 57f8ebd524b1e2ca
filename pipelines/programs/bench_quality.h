// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vlm {

struct BenchQualityOptions {
  std::string model; ///< checkpoint directory; empty: the embedded one
  std::vector<std::string> precisions = {"float32", "bfloat16", "int8", "int4"};
  std::string question = "Describe this image.";
  std::vector<std::function<Image()>> pictures; ///< empty: those that vlm-quantize draws
  std::string text; ///< UTF-8, read in passages in place of the pictures; empty: none
  int64_t max_tokens = 40;
  int threads = 0; ///< 0: all that the process may use
};

/// What the first precision's answers become in the others. Every precision reads each picture, the
/// question and the first one's answer: counted is at how many positions it would have chosen the
/// same next token, and how far its probabilities are from the first's (Kullback-Leibler divergence
/// in nats, mean over positions). Also, how many of its own answers are the same.
///
/// With `text` all read that instead, in passages of some hundred tokens that have nothing before
/// them, and what counts in addition is how well each foretells it (perplexity).
///
/// Returns {"model", "reference", "pictures", "passages", "positions", "perplexity", "precisions":
/// {NAME: {"same_choices", "divergence", "same_answers", "perplexity"}}}, shares from 0 to 1;
/// perplexities where there is text, "same_answers" where there are pictures.
nlohmann::json bench_quality(const BenchQualityOptions &options);

} // namespace vlm
