// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/linear.h"

#include "model/core/log.h"
#include "model/core/machine.h"
#include "tests/model/compute/random.h"
#include "tests/support/fixture.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>

namespace vlm::test {
namespace {

TEST(Linear, ValueAndGradients) {
  for (const auto &shape :
       std::vector<std::vector<int64_t>>{{7, 12}, {2, 3, 12}, {1, 12}, {0, 12}}) {
    const at::Tensor x = parameter(shape, 1), w = parameter({5, 12}, 2), b = parameter({5}, 3);
    const at::Tensor x2 = twin(x), w2 = twin(w), b2 = twin(b);
    const at::Tensor y = Linear(w, b)(x), y2 = at::linear(x2, w2, b2);
    EXPECT_TRUE(near(y, y2, 1e-5)) << x.sizes();
    scalar(y).backward();
    scalar(y2).backward();
    EXPECT_TRUE(near(x.grad(), x2.grad(), 1e-5)) << x.sizes();
    EXPECT_TRUE(near(w.grad(), w2.grad(), 1e-5)) << x.sizes();
    EXPECT_TRUE(near(b.grad(), b2.grad(), 1e-5)) << x.sizes();
  }
}

TEST(Linear, NoBiasStridedInputAndFrozenWeight) {
  const at::Tensor x = parameter({12, 9}, 1), w = values({5, 12}, 2);
  const at::Tensor y = Linear(w, {})(x.t());
  const at::Tensor x2 = twin(x);
  EXPECT_TRUE(near(y, at::linear(x2.t(), w.to(at::kDouble)), 1e-5));
  scalar(y).backward();
  scalar(at::linear(x2.t(), w.to(at::kDouble))).backward();
  EXPECT_TRUE(near(x.grad(), x2.grad(), 1e-5));
  EXPECT_FALSE(w.grad().defined());
}

// Few rows take one kernel, many another; sizes that no vector divides must come out right too.
TEST(Linear, Bfloat16WeightsAreExactWithoutNativeProducts) {
  if (cpu_has_bf16())
    GTEST_SKIP() << "this machine rounds activations to bfloat16";
  const at::NoGradGuard guard;
  for (const int64_t m : {0, 1, 2, 3, 4, 5, 8, 9, 32, 33})
    for (const int64_t k : {5, 16, 32, 67, 1100})
      for (const int64_t n : {1, 3, 4, 130}) {
        const at::Tensor x = values({m, k}, 1), b = values({n}, 3);
        const at::Tensor w = values({n, k}, 2).to(at::kBFloat16);
        const at::Tensor want = at::linear(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble));
        EXPECT_TRUE(near(Linear(w, b)(x), want, 1e-4)) << m << " x " << k << " x " << n;
      }
}

TEST(Linear, ARowIsTheSameInAnyCompany) {
  const at::NoGradGuard guard;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16})
    for (const int64_t k : {48, 67, 1100}) {
      const at::Tensor x = values({32, k}, 1);
      const Linear linear(values({130, k}, 2).to(dtype), {});
      for (const int64_t m : {2, 3, 4, 5, 9, 31, 32}) {
        const at::Tensor together = linear(x.narrow(0, 32 - m, m));
        for (int64_t row = 0; row < m; ++row)
          EXPECT_TRUE(together[row].equal(linear(x.narrow(0, 32 - m + row, 1))[0]))
              << dtype << " " << k << ": row " << row << " of " << m;
      }
    }
}

TEST(Linear, Bfloat16ProductsWhereNative) {
  if (!cpu_has_bf16())
    GTEST_SKIP() << "this machine has no bfloat16 products";
  const at::NoGradGuard guard;
  const at::Tensor x = values({64, 256}, 1), w = values({130, 256}, 2).to(at::kBFloat16);
  const at::Tensor rounded = x.to(at::kBFloat16).to(at::kDouble);
  EXPECT_TRUE(near(Linear(w, {})(x), at::linear(rounded, w.to(at::kDouble)), 1e-4));
}

TEST(Linear, NoBfloat16ProductIsLeftToReferenceCode) {
  const at::NoGradGuard guard;
  std::vector<std::string> told;
  set_log_sink([&](LogLevel, const std::string &line) { told.push_back(line); });
  for (const int64_t rows : {1, 2, 13, 40, 640})
    for (const int64_t columns : {64, 1000})
      Linear(values({130, columns}, 2).to(at::kBFloat16), {})(values({rows, columns}, 1));
  set_log_sink({});
  EXPECT_TRUE(told.empty()) << told.front();
}

TEST(Linear, PreciseProductsKeepTheActivations) {
  const at::NoGradGuard guard;
  const at::Tensor x = values({64, 256}, 1), w = values({130, 256}, 2).to(at::kBFloat16);
  const at::Tensor b = values({130}, 3);
  const at::Tensor want = at::linear(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble));
  EXPECT_TRUE(near(Linear(w, b).precise(x), want, 1e-3));
}

TEST(Linear, Bfloat16TrainingStaysCloseAndDifferentiable) {
  set_bf16_products(true);
  const at::Tensor x = parameter({6, 32}, 1), w = parameter({5, 32}, 2), b = parameter({5}, 3);
  const at::Tensor y = Linear(w, b)(x);
  set_bf16_products(false);
  EXPECT_EQ(y.scalar_type(), at::kFloat);
  EXPECT_TRUE(near(y, at::linear(x, w, b), 0.1));
  scalar(y).backward();
  EXPECT_EQ(w.grad().scalar_type(), at::kFloat);
}

} // namespace
} // namespace vlm::test
