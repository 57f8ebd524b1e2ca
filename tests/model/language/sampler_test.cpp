// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/sampler.h"

#include "model/core/error.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

namespace vlm::test {
namespace {

at::Tensor row(const std::vector<float> &values) {
  const at::Tensor out = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), out.data_ptr<float>());
  return out;
}

Sampling settings(double temperature, int64_t top_k, double top_p, uint64_t seed = 1) {
  Sampling out;
  out.temperature = temperature;
  out.top_k = top_k;
  out.top_p = top_p;
  out.seed = seed;
  return out;
}

std::vector<double> frequencies(const Sampling &sampling, const at::Tensor &logits, int draws) {
  Sampler sampler(sampling);
  std::vector<double> out(logits.numel());
  for (int i = 0; i < draws; ++i)
    out[sampler(logits).id] += 1.0 / draws;
  return out;
}

std::set<int64_t> support(const Sampling &sampling, const at::Tensor &logits) {
  Sampler sampler(sampling);
  std::set<int64_t> out;
  for (int i = 0; i < 2000; ++i)
    out.insert(sampler(logits).id);
  return out;
}

TEST(Sampler, GreedyTakesTheFirstLargest) {
  Sampler sampler({});
  EXPECT_EQ(sampler(row({1, 5, 2, 5})).id, 1);
  EXPECT_EQ(sampler(row({-3})).id, 0);
  // Top-k and top-p have nothing to say about it.
  Sampler narrow(settings(0, 1, 0.01));
  EXPECT_EQ(narrow(row({1, 5, 2, 6})).id, 3);
}

TEST(Sampler, LogprobIsThatOfTemperatureOne) {
  const std::vector<float> logits = {2, 0.5, -1, 3};
  double sum = 0;
  for (const float logit : logits)
    sum += std::exp(static_cast<double>(logit));
  for (const double temperature : {0.0, 0.3, 2.0}) {
    Sampler sampler(settings(temperature, 2, 0.5));
    const SampledToken token = sampler(row(logits));
    EXPECT_NEAR(token.logprob, logits[token.id] - std::log(sum), 1e-9);
  }
}

TEST(Sampler, FrequenciesFollowTheTemperature) {
  const std::vector<float> logits = {1, 0, 2, -1};
  for (const double temperature : {0.5, 1.0, 3.0}) {
    const auto got = frequencies(settings(temperature, 0, 1), row(logits), 40000);
    double sum = 0;
    for (const float logit : logits)
      sum += std::exp(logit / temperature);
    // Four standard deviations of the widest case are 0.01.
    for (size_t i = 0; i < logits.size(); ++i)
      EXPECT_NEAR(got[i], std::exp(logits[i] / temperature) / sum, 0.01) << temperature << " " << i;
  }
}

TEST(Sampler, TopKKeepsTheBest) {
  const at::Tensor logits = row({0, 1, 2, 3, 1});
  EXPECT_EQ(support(settings(5, 2, 1), logits), (std::set<int64_t>{2, 3}));
  EXPECT_EQ(support(settings(5, 3, 1), logits),
            (std::set<int64_t>{1, 2, 3})); // of equals the first
  EXPECT_EQ(support(settings(5, 1, 1), logits), (std::set<int64_t>{3}));
  EXPECT_EQ(support(settings(5, 0, 1), logits).size(), 5u);
  EXPECT_EQ(support(settings(5, 99, 1), logits).size(), 5u);
}

TEST(Sampler, TopPKeepsTheSmallestSufficientSet) {
  // Probabilities 0.5, 0.25, 0.125, 0.125.
  const float two = std::log(2.0f);
  const at::Tensor logits = row({2 * two, 3 * two, two, two});
  EXPECT_EQ(support(settings(1, 0, 0.4), logits), (std::set<int64_t>{1}));
  EXPECT_EQ(support(settings(1, 0, 0.6), logits), (std::set<int64_t>{0, 1}));
  EXPECT_EQ(support(settings(1, 0, 0.8), logits), (std::set<int64_t>{0, 1, 2}));
  EXPECT_EQ(support(settings(1, 0, 1), logits).size(), 4u);
  EXPECT_EQ(support(settings(1, 0, 1e-9), logits), (std::set<int64_t>{1}));
  // After top-k only what is left counts: of 0.5 and 0.25 the first has two thirds.
  EXPECT_EQ(support(settings(1, 2, 0.6), logits), (std::set<int64_t>{1}));
  // The temperature comes first: a low one makes the best sufficient.
  EXPECT_EQ(support(settings(0.2, 0, 0.9), logits), (std::set<int64_t>{1}));
}

TEST(Sampler, SeedDecides) {
  const at::Tensor logits = row({0, 0, 0, 0, 0, 0, 0, 0});
  const auto draw = [&](uint64_t seed) {
    Sampler sampler(settings(1, 0, 1, seed));
    std::vector<int64_t> ids;
    for (int i = 0; i < 20; ++i)
      ids.push_back(sampler(logits).id);
    return ids;
  };
  EXPECT_EQ(draw(7), draw(7));
  EXPECT_NE(draw(7), draw(8));
  // The generator is fixed by the standard and the rest is ours, so these ids hold everywhere.
  EXPECT_EQ(draw(7),
            (std::vector<int64_t>{6, 7, 0, 7, 1, 0, 6, 7, 2, 5, 6, 4, 3, 2, 6, 2, 7, 7, 6, 2}));
}

TEST(Sampler, ForbiddenTokensStayForbidden) {
  const float never = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(support(settings(3, 0, 1), row({never, 1, never, 0})), (std::set<int64_t>{1, 3}));
}

// Of what is allowed the choice is as ever; the probability is that before anything was ruled out.
TEST(Sampler, PicksWhatIsAllowed) {
  const at::Tensor logits = row({3, 2, 1, 0, 2});
  const std::vector<bool> allowed = {false, true, true, false}; // ids beyond it are not
  const SampledToken greedy = Sampler(settings(0, 0, 1))(logits, &allowed);
  EXPECT_EQ(greedy.id, 1);
  EXPECT_DOUBLE_EQ(greedy.logprob + 1, Sampler(settings(0, 0, 1))(logits).logprob);
  for (const Sampling &sampling : {settings(5, 0, 1), settings(5, 4, 0.99)}) {
    Sampler sampler(sampling);
    std::set<int64_t> seen;
    for (int i = 0; i < 300; ++i)
      seen.insert(sampler(logits, &allowed).id);
    EXPECT_EQ(seen, (std::set<int64_t>{1, 2}));
  }
}

TEST(Sampler, RefusesWhatIsNotFinite) {
  Sampler sampler(settings(1, 0, 1));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    try {
      sampler(row({1, bad, 2}));
      FAIL() << bad;
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), ErrorCategory::Failed);
    }
  }
  EXPECT_THROW(sampler(row({})), Error);
}

TEST(Sampler, RefusesSettingsOutOfRange) {
  for (const Sampling &bad :
       {settings(-0.1, 0, 1), settings(NAN, 0, 1), settings(INFINITY, 0, 1), settings(1, -1, 1),
        settings(1, 0, 0), settings(1, 0, 1.01), settings(1, 0, NAN)}) {
    try {
      Sampler sampler(bad);
      FAIL() << bad.temperature << " " << bad.top_k << " " << bad.top_p;
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), ErrorCategory::Settings);
    }
  }
}

} // namespace
} // namespace vlm::test
