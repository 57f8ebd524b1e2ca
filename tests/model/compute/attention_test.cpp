// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/attention.h"

#include "model/core/machine.h"
#include "tests/model/compute/random.h"
#include "tests/support/fixture.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tril.h>

#include <cmath>
#include <limits>

namespace vlm::test {
namespace {

at::Tensor plain(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                 const at::Tensor &mask) {
  const int64_t group = q.size(1) / k.size(1);
  at::Tensor scores = at::matmul(q, at::repeat_interleave(k, group, 1).transpose(-2, -1)) /
                      std::sqrt(static_cast<double>(q.size(3)));
  if (mask.defined())
    scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity());
  return at::matmul(at::softmax(scores, -1), at::repeat_interleave(v, group, 1));
}

at::Tensor causal_mask(int64_t length, int64_t keys) {
  return at::tril(at::ones({length, keys}, at::kBool), keys - length);
}

// Some queries look at few keys, every query at one at least.
at::Tensor ragged_mask(int64_t batch, int64_t length, int64_t keys) {
  at::Tensor mask = values({batch, 1, length, keys}, 7).gt(0.3);
  mask.select(-1, 0).fill_(true);
  return mask;
}

struct Shape {
  int64_t batch, heads, kv_heads, length, keys, dim;
};

// Inputs as the decoder has them: heads beside each other in each row.
at::Tensor heads(int64_t batch, int64_t count, int64_t length, int64_t dim, uint64_t seed) {
  return parameter({batch, length, count, dim}, seed);
}

void check(const Shape &s, const at::Tensor &mask) {
  const at::Tensor q = heads(s.batch, s.heads, s.length, s.dim, 1);
  const at::Tensor k = heads(s.batch, s.kv_heads, s.keys, s.dim, 2);
  const at::Tensor v = heads(s.batch, s.kv_heads, s.keys, s.dim, 3);
  const at::Tensor q2 = twin(q), k2 = twin(k), v2 = twin(v);
  const auto t = [](const at::Tensor &x) { return x.transpose(1, 2); };
  const at::Tensor want = plain(t(q2), t(k2), t(v2), mask);
  const at::Tensor got = attention(t(q), t(k), t(v), mask);
  EXPECT_TRUE(near(got, want, 1e-5));
  scalar(got).backward();
  scalar(want).backward();
  EXPECT_TRUE(near(q.grad(), q2.grad(), 1e-5));
  EXPECT_TRUE(near(k.grad(), k2.grad(), 2e-5));
  EXPECT_TRUE(near(v.grad(), v2.grad(), 2e-5));
  const at::NoGradGuard guard;
  EXPECT_TRUE(near(attention(t(q), t(k), t(v), mask), want, 1e-5));
}

TEST(Attention, ValueAndGradients) {
  for (const Shape &s :
       {Shape{2, 4, 4, 5, 5, 8}, Shape{3, 6, 2, 65, 65, 16}, Shape{1, 4, 1, 3, 9, 24},
        Shape{1, 2, 2, 1, 1, 4}, Shape{2, 2, 1, 300, 300, 8}}) {
    check(s, {});
    check(s, causal_mask(s.length, s.keys));
    check(s, ragged_mask(1, s.length, s.keys));
    check(s, ragged_mask(s.batch, s.length, s.keys));
  }
}

TEST(Attention, CausalEqualsTheMask) {
  const at::NoGradGuard guard;
  for (const Shape &s :
       {Shape{1, 4, 2, 1, 1, 16}, Shape{1, 8, 1, 1, 77, 32}, Shape{1, 4, 4, 3, 40, 16},
        Shape{1, 4, 2, 200, 200, 16}, Shape{1, 2, 2, 129, 400, 16}}) {
    const at::Tensor q = values({s.batch, s.heads, s.length, s.dim}, 1);
    // As a cache hands them out: a part of something longer.
    const at::Tensor k = values({s.batch, s.kv_heads, s.keys + 9, s.dim}, 2).narrow(2, 0, s.keys);
    const at::Tensor v = values({s.batch, s.kv_heads, s.keys + 9, s.dim}, 3).narrow(2, 0, s.keys);
    const at::Tensor want = plain(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble),
                                  causal_mask(s.length, s.keys));
    EXPECT_TRUE(near(causal_attention(q, k, v), want, 1e-5)) << s.length << " of " << s.keys;
    // In bfloat16 they count exactly.
    const at::Tensor narrow_k = k.to(at::kBFloat16), narrow_v = v.to(at::kBFloat16);
    EXPECT_TRUE(near(causal_attention(q, narrow_k, narrow_v),
                     causal_attention(q, narrow_k.to(at::kFloat), narrow_v.to(at::kFloat)), 1e-6))
        << s.length << " of " << s.keys;
  }
}

// Products of bfloat16 pairs, where the machine has them: sizes that fill the kernels' panels, and
// others.
TEST(Attention, MayRound) {
  const at::NoGradGuard guard;
  for (const Shape &s :
       {Shape{1, 2, 2, 577, 577, 64}, Shape{2, 4, 2, 100, 33, 32}, Shape{1, 3, 1, 7, 5, 9},
        Shape{1, 1, 1, 1, 1, 1}, Shape{1, 2, 2, 40, 12000, 64}}) {
    const auto of = [&](int64_t count, int64_t length, uint64_t seed) {
      return values({s.batch, length, count, s.dim}, seed).transpose(1, 2);
    };
    const at::Tensor q = of(s.heads, s.length, 1) * 3, k = of(s.kv_heads, s.keys, 2);
    const at::Tensor v = of(s.kv_heads, s.keys, 3);
    const auto two = [](const at::Tensor &x) { return x.to(at::kBFloat16).to(at::kDouble); };
    const at::Tensor got = attention(q, k, v, {}, /*rounds=*/true);
    const at::Tensor want = plain(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), {});
    EXPECT_LT(((got - want).norm() / want.norm()).item<double>(), 5e-3) << s.keys;
    if (!cpu_has_bf16())
      continue;
    // The same of rounded inputs, but for the probabilities' rounding.
    const double scale = std::sqrt(static_cast<double>(s.dim));
    const at::Tensor rounded = plain(two(q / scale) * scale, two(k), two(v), {});
    EXPECT_LT(((got - rounded).norm() / rounded.norm()).item<double>(), 2e-3) << s.keys;
    // Each query as if it were alone.
    EXPECT_TRUE(attention(q.narrow(2, s.length / 2, 1), k, v, {}, true)
                    .equal(got.narrow(2, s.length / 2, 1)));
  }
}

TEST(Attention, GradientIsTheSlope) {
  const at::Tensor q = parameter({1, 2, 4, 8}, 1), k = parameter({1, 1, 4, 8}, 2);
  const at::Tensor v = parameter({1, 1, 4, 8}, 3), mask = causal_mask(4, 4);
  scalar(attention(q, k, v, mask)).backward();
  const at::NoGradGuard guard;
  for (const at::Tensor &t : {q, k, v})
    for (const int64_t i : {0, 5, 17, 31}) {
      float *x = t.data_ptr<float>() + i;
      const float old = *x, step = 1e-2f;
      *x = old + step;
      const double above = scalar(attention(q, k, v, mask)).item<double>();
      *x = old - step;
      const double below = scalar(attention(q, k, v, mask)).item<double>();
      *x = old;
      EXPECT_NEAR((above - below) / (2 * step), t.grad().data_ptr<float>()[i], 2e-3);
    }
}

TEST(Attention, LargeScoresAndBlindQueries) {
  const at::NoGradGuard guard;
  const at::Tensor q = values({1, 1, 6, 8}, 1) * 300, k = values({1, 1, 6, 8}, 2) * 300;
  const at::Tensor v = values({1, 1, 6, 8}, 3);
  const at::Tensor want = plain(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), {});
  EXPECT_TRUE(near(attention(q, k, v, {}), want, 1e-2));
  at::Tensor mask = causal_mask(6, 6);
  mask[2].fill_(false);
  const at::Tensor got = attention(q, k, v, mask);
  EXPECT_EQ(got.select(2, 2).abs().max().item<float>(), 0);
  // What is not a number is not hidden.
  q.select(2, 3).fill_(std::numeric_limits<float>::quiet_NaN());
  for (const bool rounds : {false, true})
    EXPECT_TRUE(at::isnan(attention(q, k, v, {}, rounds).select(2, 3)).all().item<bool>());
}

} // namespace
} // namespace vlm::test
