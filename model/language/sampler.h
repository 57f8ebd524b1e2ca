// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/language/sampling.h"

#include <ATen/core/Tensor.h>

#include <random>
#include <vector>

namespace vlm {

struct SampledToken {
  int64_t id;
  double logprob; ///< natural logarithm of softmax(logits)[id] at temperature 1
};

/// Picks tokens from logits. Two samplers with equal settings and seed pick equal tokens.
class Sampler {
public:
  /// Error(Settings) for values out of range.
  explicit Sampler(const Sampling &settings);
  /// logits float32 [vocab_size]. Error(Failed) when they are not finite. With `allowed` only ids
  /// for which it is true are picked, of which there must be one below vocab_size; logprob remains
  /// the model's own opinion, as if all were.
  SampledToken operator()(const at::Tensor &logits, const std::vector<bool> *allowed = nullptr);

private:
  double uniform(); // [0, 1), the same with every standard library
  int64_t pick(const float *logits, int64_t size);
  Sampling settings_;
  std::mt19937_64 random_;
};

} // namespace vlm
