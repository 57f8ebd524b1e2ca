// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/sampler.h"

#include "model/core/error.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

namespace vlm {
namespace {

struct Candidate {
  float logit;
  int64_t id;
};

// Best first; of equal logits the smaller id.
bool better(const Candidate &a, const Candidate &b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// The `count` best of all logits in order (0: all); those that are minus infinity are none.
std::vector<Candidate> best(const float *logits, int64_t size, int64_t count) {
  std::vector<Candidate> all;
  all.reserve(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i)
    if (logits[i] > -std::numeric_limits<float>::infinity())
      all.push_back({logits[i], i});
  const auto most = static_cast<int64_t>(all.size());
  const int64_t kept = count > 0 ? std::min(count, most) : most;
  std::partial_sort(all.begin(), all.begin() + kept, all.end(), better);
  all.resize(static_cast<size_t>(kept));
  return all;
}

// A copy in which what must not be picked has no probability.
std::vector<float> masked(const float *logits, int64_t size, const std::vector<bool> &allowed) {
  std::vector<float> out(logits, logits + size);
  for (size_t i = 0; i < out.size(); ++i)
    if (i >= allowed.size() || !allowed[i])
      out[i] = -std::numeric_limits<float>::infinity();
  return out;
}

// Natural logarithm of the sum of exp over all logits.
double log_sum_exp(const float *logits, int64_t size) {
  const double top = *std::max_element(logits, logits + size);
  double sum = 0;
  for (int64_t i = 0; i < size; ++i)
    sum += std::exp(logits[i] - top);
  return top + std::log(sum);
}

// How many of the descending probabilities make up at least `p` of their sum; at least one.
size_t nucleus(const std::vector<double> &probabilities, double p) {
  const double total = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  double sum = 0;
  size_t count = 0;
  while (count < probabilities.size() && sum < p * total)
    sum += probabilities[count++];
  return std::max<size_t>(count, 1);
}

} // namespace

Sampler::Sampler(const Sampling &settings) : settings_(settings), random_(settings.seed) {
  if (!(settings.temperature >= 0) || !std::isfinite(settings.temperature))
    fail(ErrorCategory::Settings, "temperature ", settings.temperature, " is not 0 or more");
  if (settings.top_k < 0)
    fail(ErrorCategory::Settings, "top-k ", settings.top_k, " is not 0 or more");
  if (!(settings.top_p > 0 && settings.top_p <= 1))
    fail(ErrorCategory::Settings, "top-p ", settings.top_p, " is not in (0, 1]");
}

double Sampler::uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

SampledToken Sampler::operator()(const at::Tensor &logits, const std::vector<bool> *allowed) {
  const at::Tensor row = logits.to(at::kCPU, at::kFloat).contiguous();
  const float *values = row.data_ptr<float>();
  const int64_t size = row.numel();
  const double normaliser = size > 0 ? log_sum_exp(values, size) : NAN;
  if (!std::isfinite(normaliser))
    fail(ErrorCategory::Failed, "the model's logits are not finite");
  const int64_t id = pick(allowed ? masked(values, size, *allowed).data() : values, size);
  return {id, values[id] - normaliser};
}

int64_t Sampler::pick(const float *logits, int64_t size) {
  if (settings_.temperature == 0)
    return std::max_element(logits, logits + size) - logits;
  const std::vector<Candidate> candidates = best(logits, size, settings_.top_k);
  std::vector<double> probabilities;
  for (const Candidate &candidate : candidates)
    probabilities.push_back(std::exp((static_cast<double>(candidate.logit) - candidates[0].logit) /
                                     settings_.temperature));
  probabilities.resize(nucleus(probabilities, settings_.top_p));
  double left = uniform() * std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  size_t i = 0;
  while (i + 1 < probabilities.size() && left >= probabilities[i])
    left -= probabilities[i++];
  return candidates[i].id;
}

} // namespace vlm
