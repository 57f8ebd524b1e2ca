// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolution and group normalisation over channels-last maps against ATen in float64.
#include "model/compute/convolution.h"
#include "model/compute/group_norm.h"
#include "model/core/log.h"
#include "tests/model/compute/random.h"
#include "tests/support/fixture.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>

#include <map>
#include <string>
#include <vector>

namespace vlm::test {
namespace {

/// `weight` and `bias`, handed out in the type that is asked for.
class Pair : public StateDict {
public:
  Pair(at::Tensor weight, at::Tensor bias)
      : tensors_{{"weight", std::move(weight)}, {"bias", std::move(bias)}} {}
  bool contains(const std::string &name) const override { return tensors_.count(name) > 0; }
  std::vector<std::string> names() const override { return {"bias", "weight"}; }
  std::vector<int64_t> shape(const std::string &name) const override {
    return tensors_.at(name).sizes().vec();
  }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    return tensors_.at(name).to(dtype);
  }
  std::string origin(const std::string &) const override { return "test"; }

private:
  std::map<std::string, at::Tensor> tensors_;
};

at::Tensor planes(const at::Tensor &x) { return x.to(at::kDouble).permute({0, 3, 1, 2}); }
at::Tensor last(const at::Tensor &x) { return x.permute({0, 2, 3, 1}); }

struct Case {
  int64_t in, out, size, stride, height, width;
};
const Case kCases[] = {{4, 320, 3, 1, 8, 8},    {16, 24, 3, 1, 5, 9}, {32, 4, 3, 1, 1, 1},
                       {16, 16, 3, 2, 9, 6},    {8, 8, 3, 2, 8, 8},   {24, 40, 1, 1, 7, 3},
                       {128, 128, 3, 1, 16, 12}};

TEST(Convolution, EqualsAtens) {
  const at::NoGradGuard guard;
  for (const Case &c : kCases) {
    const at::Tensor x = values({2, c.height, c.width, c.in}, 1);
    const at::Tensor w = values({c.out, c.in, c.size, c.size}, 2), b = values({c.out}, 3);
    const auto by_aten = [&](const at::Tensor &in, const at::Tensor &weight) {
      return last(
          at::conv2d(planes(in), weight.to(at::kDouble), b.to(at::kDouble), c.stride, c.size / 2));
    };
    const at::Tensor want = by_aten(x, w);
    // Of all products without their signs: what rounding is relative to.
    const double terms = by_aten(x.abs(), w.abs()).max().item<double>();
    const Pair dict(w, b);
    const Convolution exact(Scope(dict, at::kFloat), c.in, c.out, c.size, c.stride);
    EXPECT_TRUE(near(exact(x), want, 4 * 0x1p-24 * terms));
    const Convolution rounded(Scope(dict, at::kBFloat16), c.in, c.out, c.size, c.stride);
    EXPECT_TRUE(near(rounded(x), want, 0x1p-8 * terms));
  }
}

// Thousands of times slower, and the library says nothing of it.
TEST(Convolution, NoneIsLeftToReferenceCode) {
  std::vector<std::string> told;
  set_log_sink([&](LogLevel, const std::string &line) { told.push_back(line); });
  for (const Case &c : kCases)
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const Pair dict(values({c.out, c.in, c.size, c.size}, 1), values({c.out}, 2));
      Convolution(Scope(dict, type), c.in, c.out, c.size,
                  c.stride)(values({2, c.height, c.width, c.in}, 3));
    }
  set_log_sink({});
  EXPECT_TRUE(told.empty()) << told.front();
}

// The kernel is packed for the first size; others may want another order.
TEST(Convolution, OneKernelServesMapsOfAnySize) {
  const at::NoGradGuard guard;
  const at::Tensor w = values({64, 32, 3, 3}, 2), b = values({64}, 3);
  const Pair dict(w, b);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const Convolution conv(Scope(dict, type), 32, 64, 3);
    for (const auto &[batch, height, width] :
         {std::tuple{2, 8, 8}, {1, 1, 1}, {1, 2, 90}, {3, 31, 5}, {2, 8, 8}}) {
      const at::Tensor x = values({batch, height, width, 32}, 1);
      const Convolution fresh(Scope(dict, type), 32, 64, 3);
      EXPECT_TRUE(near(conv(x), fresh(x), 1e-4)) << height << " x " << width;
    }
  }
}

TEST(Convolution, StripsGiveTheSameRows) {
  const at::NoGradGuard guard;
  const Pair dict(values({24, 16, 3, 3}, 2), values({24}, 3));
  const Convolution conv(Scope(dict, at::kFloat), 16, 24, 3);
  const at::Tensor x = values({1, 7, 5, 16}, 1), zeros = at::zeros({1, 1, 5, 16});
  const at::Tensor around = at::cat({zeros, x, zeros}, 1), whole = conv(x);
  for (const int64_t from : {0, 2, 5})
    EXPECT_TRUE(near(conv.strip(around.narrow(1, from, 4)), whole.narrow(1, from, 2), 1e-5));
}

TEST(Convolution, Gradients) {
  for (const Case &c : kCases) {
    const at::Tensor x = parameter({2, c.height, c.width, c.in}, 1);
    const at::Tensor w = parameter({c.out, c.in, c.size, c.size}, 2), b = parameter({c.out}, 3);
    const at::Tensor x2 = twin(x), w2 = twin(w), b2 = twin(b);
    const Pair dict(w, b);
    scalar(Convolution(Scope(dict, at::kFloat), c.in, c.out, c.size, c.stride)(x)).backward();
    scalar(last(at::conv2d(x2.permute({0, 3, 1, 2}), w2, b2, c.stride, c.size / 2))).backward();
    EXPECT_TRUE(near(x.grad(), x2.grad(), 2e-4));
    EXPECT_TRUE(near(w.grad(), w2.grad(), 2e-4));
    EXPECT_TRUE(near(b.grad(), b2.grad(), 2e-4));
  }
}

constexpr double kEps = 1e-6;

at::Tensor reference(const at::Tensor &x, const at::Tensor &w, const at::Tensor &b, int64_t groups,
                     GroupNorm::Then then) {
  const at::Tensor y =
      last(at::group_norm(planes(x), groups, w.to(at::kDouble), b.to(at::kDouble), kEps));
  return then == GroupNorm::Then::Silu ? at::silu(y) : y;
}

TEST(GroupNorm, EqualsAtens) {
  const at::NoGradGuard guard;
  for (const auto &[groups, channels, height, width] :
       {std::tuple{8, 16, 8, 8}, {4, 12, 5, 7}, {32, 320, 1, 1}, {3, 3, 40, 30}, {8, 64, 90, 3}})
    for (const auto then : {GroupNorm::Then::Nothing, GroupNorm::Then::Silu}) {
      // Far from zero, so that the variance is a small difference.
      const at::Tensor x = values({2, height, width, channels}, 1) * 3 + 20;
      const at::Tensor w = values({channels}, 2) * 5, b = values({channels}, 3);
      const Pair dict(w, b);
      const GroupNorm norm(Scope(dict, at::kFloat), groups, channels, kEps);
      EXPECT_TRUE(near(norm(x, then), reference(x, w, b, groups, then), 2e-4));
      const at::Tensor small = values({2, height, width, channels}, 1) * 1e-3;
      EXPECT_TRUE(near(norm(small, then), reference(small, w, b, groups, then), 2e-5));
    }
}

TEST(GroupNorm, StripsGiveTheSameRows) {
  const at::NoGradGuard guard;
  const Pair dict(values({16}, 2), values({16}, 3));
  const GroupNorm norm(Scope(dict, at::kFloat), 4, 16, kEps);
  const at::Tensor x = values({1, 9, 5, 16}, 1), whole = norm(x, GroupNorm::Then::Silu);
  const GroupNorm::Affine affine = norm.affine(x);
  for (const auto &[from, rows] : {std::pair(0, 4), {4, 5}, {8, 1}})
    EXPECT_TRUE(near(GroupNorm::apply(affine, x.narrow(1, from, rows), GroupNorm::Then::Silu),
                     whole.narrow(1, from, rows), 0));
}

TEST(GroupNorm, SiluOfAnyNumber) {
  const at::NoGradGuard guard;
  const GroupNorm::Affine affine{at::zeros({1, 8}) + 1, at::zeros({1, 8})};
  const at::Tensor x = values({1, 64, 64, 8}, 1) * 200;
  EXPECT_TRUE(
      near(GroupNorm::apply(affine, x, GroupNorm::Then::Silu), at::silu(x.to(at::kDouble)), 1e-4));
}

TEST(GroupNorm, Gradients) {
  for (const auto then : {GroupNorm::Then::Silu, GroupNorm::Then::Nothing}) {
    const at::Tensor x = parameter({2, 6, 5, 12}, 1), w = parameter({12}, 2);
    const at::Tensor b = parameter({12}, 3), x2 = twin(x), w2 = twin(w), b2 = twin(b);
    const Pair dict(w, b);
    scalar(GroupNorm(Scope(dict, at::kFloat), 4, 12, kEps)(x, then)).backward();
    scalar(reference(x2, w2, b2, 4, then)).backward();
    EXPECT_TRUE(near(x.grad(), x2.grad(), 2e-5));
    EXPECT_TRUE(near(w.grad(), w2.grad(), 2e-5));
    EXPECT_TRUE(near(b.grad(), b2.grad(), 2e-5));
  }
}

} // namespace
} // namespace vlm::test
