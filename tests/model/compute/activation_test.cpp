// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/activation.h"

#include "tests/model/compute/random.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <limits>

namespace vlm {
namespace {

constexpr Activation kAll[] = {Activation::Silu, Activation::GeluErf, Activation::GeluTanh};

// In float64, by libtorch.
at::Tensor exact(Activation activation, const at::Tensor &x) {
  const at::Tensor wide = x.to(at::kDouble);
  if (activation == Activation::Silu)
    return at::silu(wide);
  return at::gelu(wide, activation == Activation::GeluTanh ? "tanh" : "none");
}

double largest_difference(const at::Tensor &got, const at::Tensor &want) {
  return (got - want).abs().max().item<double>();
}

TEST(Activation, IsThatOfTheLibrary) {
  const c10::InferenceMode inference;
  const at::Tensor x = at::linspace(-12, 12, 100001), up = at::linspace(-1, 1, 100001);
  for (const Activation activation : kAll)
    EXPECT_LT(largest_difference(gated(activation, x.clone(), up), exact(activation, x) * up), 2e-6)
        << static_cast<int>(activation);
  const at::Tensor wide = x.to(at::kDouble);
  EXPECT_LT(largest_difference(quick_gelu(x), wide * at::sigmoid(wide * 1.702)), 2e-6);
}

TEST(Activation, OfValuesFarOut) {
  const c10::InferenceMode inference;
  const at::Tensor one = at::full({1}, 1.f);
  for (const Activation activation : kAll) {
    EXPECT_EQ(gated(activation, at::full({1}, 1e4f), one).item<float>(), 1e4f);
    EXPECT_EQ(gated(activation, at::full({1}, -1e4f), one).item<float>(), 0);
    const float none = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(gated(activation, at::full({1}, none), one).isnan().item<bool>());
  }
  EXPECT_EQ(quick_gelu(at::full({1}, -1e4f)).item<float>(), 0);
}

TEST(Activation, OfAValueIsTheSameInAnyCompany) {
  const c10::InferenceMode inference;
  const at::Tensor x = test::values({40000}, 1) * 4, up = test::values({40000}, 2);
  for (const Activation activation : kAll) {
    const at::Tensor all = gated(activation, x.clone(), up);
    for (const int64_t first : {0, 1, 7, 39990})
      for (const int64_t count : {1, 3, 8, 10}) {
        const at::Tensor part =
            gated(activation, x.narrow(0, first, count).clone(), up.narrow(0, first, count));
        EXPECT_TRUE(part.equal(all.narrow(0, first, count))) << first << ", " << count;
      }
  }
}

TEST(Activation, HasGradients) {
  const at::Tensor x = test::parameter({20}, 3), up = test::parameter({20}, 4);
  const at::Tensor wide_x = test::twin(x), wide_up = test::twin(up);
  test::scalar(quick_gelu(gated(Activation::GeluErf, x, up))).backward();
  test::scalar(quick_gelu(gated(Activation::GeluErf, wide_x, wide_up))).backward();
  EXPECT_LT(largest_difference(x.grad(), wide_x.grad()), 1e-6);
  EXPECT_LT(largest_difference(up.grad(), wide_up.grad()), 1e-6);
}

} // namespace
} // namespace vlm
