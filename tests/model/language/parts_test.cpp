// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/feed_forward.h"
#include "model/language/rope.h"
#include "tests/model/compute/random.h"
#include "tests/support/fixture.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/sin.h>

#include <cstdio>

namespace vlm::test {
namespace {

// A fixture's tensors under a prefix, as a checkpoint would name them.
class Prefixed : public StateDict {
public:
  Prefixed(const Fixture &fixture, std::string prefix)
      : fixture_(fixture), prefix_(std::move(prefix)) {}
  bool contains(const std::string &name) const override { return fixture_.contains(inner(name)); }
  std::vector<std::string> names() const override { return {}; }
  std::vector<int64_t> shape(const std::string &name) const override {
    return fixture_[inner(name)].sizes().vec();
  }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    return fixture_[inner(name)].to(dtype);
  }
  std::string origin(const std::string &) const override { return "fixture"; }

private:
  std::string inner(const std::string &name) const { return name.substr(prefix_.size()); }
  const Fixture &fixture_;
  std::string prefix_;
};

TEST(Rope, ReferenceCases) {
  const Fixture fixture("micro/rope.safetensors");
  const auto cases = read_json("micro/micro.json")["rope"]["cases"];
  std::printf("[   parity ] micro/rope:");
  for (size_t i = 0; i < cases.size(); ++i) {
    const std::string start = std::to_string(i) + ".";
    const at::Tensor positions = fixture[start + "positions"];
    const Rope rope(positions, cases[i]["head_dim"], cases[i]["theta"]);
    // Angles are float32: far positions are as coarse as the reference's.
    const double atol = positions.max().item<int64_t>() >= 1900 ? 1e-3 : 2e-5;
    for (const std::string side : {"q", "k"}) {
      double largest = 0;
      EXPECT_TRUE(near(rope(fixture[start + side]), fixture[start + side + "_out"], atol, &largest))
          << i << side;
      std::printf(" %zu%s %.2g", i, side.c_str(), largest);
    }
  }
  std::printf("\n");
  EXPECT_EQ(cases.size(), 4u);
}

TEST(Rope, PositionsPerRowAndGradient) {
  const int64_t half = 4;
  at::Tensor positions = at::empty({2, 3}, at::kLong);
  const int64_t given[] = {0, 1, 2, 7, 7, 5};
  std::copy(given, given + 6, positions.data_ptr<int64_t>());
  const at::Tensor x = parameter({2, 3, 5, 2 * half}, 1), x2 = twin(x);
  const Rope rope(positions, 2 * half, 100);
  const at::Tensor y = rope(x.transpose(1, 2).narrow(1, 0, 5));
  const at::Tensor first = Rope(positions[1], 2 * half, 100)(x.narrow(0, 1, 1).transpose(1, 2));
  EXPECT_TRUE(near(y.narrow(0, 1, 1), first, 0));
  // Turning keeps lengths, and its gradient turns back.
  scalar(y).backward();
  const at::Tensor weights = values(y.sizes().vec(), 99);
  EXPECT_NEAR((x.grad() * x.grad()).sum().item<double>(), (weights * weights).sum().item<double>(),
              1e-4);
  EXPECT_NEAR((x.grad() * x).sum().item<double>(), scalar(y).item<double>(), 1e-4);
}

DecoderConfig small_mixture() {
  DecoderConfig config;
  config.hidden_size = 20;
  config.intermediate_size = 28;
  config.num_local_experts = 8;
  config.num_experts_per_tok = 2;
  return config;
}

TEST(FeedForward, ReferenceRouting) {
  const Fixture fixture("micro/moe_routing.safetensors");
  const Prefixed dict(fixture, "block_sparse_moe.");
  const FeedForward mixture(Scope(dict, at::kFloat), small_mixture());
  const at::Tensor x = fixture["x"];
  const auto route = mixture.route(x.reshape({-1, 20}));
  double weights = 0, y = 0;
  EXPECT_TRUE(near(route.experts, fixture["experts"].to(at::kLong), 0));
  EXPECT_TRUE(near(route.weights, fixture["weights"], 2e-5, &weights));
  EXPECT_TRUE(near(mixture(x), fixture["y"], 2e-5, &y));
  std::printf("[   parity ] micro/moe_routing: weights %.2g y %.2g\n", weights, y);
  // One position alone goes the same way.
  EXPECT_TRUE(near(mixture(x.narrow(1, 7, 1)), fixture["y"].narrow(1, 7, 1), 2e-5));
}

TEST(FeedForward, OneExpertAtATimeGivesTheSame) {
  const Fixture fixture("micro/moe_routing.safetensors");
  const Prefixed dict(fixture, "block_sparse_moe.");
  const Scope scope(dict, at::kFloat);
  const FeedForward held(scope, small_mixture()), streamed(scope.streamed(), small_mixture());
  const at::Tensor x = fixture["x"];
  const std::vector<at::Tensor> some = {x.narrow(1, 0, 3), x, x.narrow(1, 7, 1)};
  const std::vector<at::Tensor> out = streamed(some);
  for (size_t i = 0; i < some.size(); ++i)
    EXPECT_TRUE(out[i].equal(held(some[i]))) << i;
}

TEST(FeedForward, GradientReachesTheInput) {
  const Fixture fixture("micro/moe_routing.safetensors");
  const Prefixed dict(fixture, "block_sparse_moe.");
  const FeedForward mixture(Scope(dict, at::kFloat), small_mixture());
  const at::Tensor x = fixture["x"].narrow(1, 0, 6).contiguous().requires_grad_(true);
  scalar(mixture(x)).backward();
  const at::NoGradGuard guard;
  for (const int64_t i : {0, 19, 55, 119}) {
    float *value = x.data_ptr<float>() + i;
    const float old = *value, step = 1e-2f;
    *value = old + step;
    const double above = scalar(mixture(x)).item<double>();
    *value = old - step;
    const double below = scalar(mixture(x)).item<double>();
    *value = old;
    const double slope = x.grad().data_ptr<float>()[i];
    EXPECT_NEAR((above - below) / (2 * step), slope, 1e-3 + 0.02 * std::abs(slope));
  }
}

} // namespace
} // namespace vlm::test
