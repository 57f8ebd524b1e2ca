// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/group_norm.h"

#include "model/compute/simd.h"
#include "model/compute/threads.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vlm {
namespace {

using simd::Float8;

constexpr int64_t kParts = 64;         // of a picture, each with sums of its own
constexpr int64_t kWorth = 1 << 14;    // elements that are worth a thread
constexpr int64_t kSumsOfFloats = 128; // pixels whose float32 sums are still exact enough

// Adds up pixels [from, to) of one picture into sums[c] and squares[c].
void add_pixels(const float *x, int64_t from, int64_t to, int64_t channels, double *sums,
                double *squares) {
  std::vector<float> sum(channels), square(channels);
  for (; from < to; from += kSumsOfFloats) {
    std::fill(sum.begin(), sum.end(), 0.0f);
    std::fill(square.begin(), square.end(), 0.0f);
    for (int64_t p = from; p < std::min(from + kSumsOfFloats, to); ++p)
      for (int64_t c = 0; c < channels; ++c) {
        const float value = x[p * channels + c];
        sum[c] += value;
        square[c] += value * value;
      }
    for (int64_t c = 0; c < channels; ++c) {
      sums[c] += sum[c];
      squares[c] += square[c];
    }
  }
}

// x * sigmoid(x).
inline Float8 silu(Float8 x) {
  // One exponential of a negative number serves both signs: e^-|x| / (1 + e^-|x|) is the sigmoid
  // of the negative one.
  const Float8 small = simd::exp_negative(x < 0.0f ? x : -x);
  return x * (x < 0.0f ? small : simd::splat(1)) / (1.0f + small);
}

void apply_pixels(const float *x, float *y, int64_t pixels, int64_t channels, const float *factor,
                  const float *shift, bool then_silu) {
  for (int64_t p = 0; p < pixels; ++p, x += channels, y += channels) {
    int64_t c = 0;
    for (; c + simd::kLanes <= channels; c += simd::kLanes) {
      const Float8 value = simd::load(x + c) * simd::load(factor + c) + simd::load(shift + c);
      simd::store(y + c, then_silu ? silu(value) : value);
    }
    for (; c < channels; ++c) {
      const float value = x[c] * factor[c] + shift[c];
      y[c] = then_silu ? silu(simd::splat(value))[0] : value;
    }
  }
}

} // namespace

GroupNorm::GroupNorm(const Scope &scope, int64_t groups, int64_t channels, double eps)
    : groups_(groups), eps_(eps), weight_(scope.tensor("weight", {channels})),
      bias_(scope.tensor("bias", {channels})) {}

GroupNorm::Affine GroupNorm::affine(const at::Tensor &x) const {
  const at::Tensor in = x.contiguous();
  const int64_t batch = x.size(0), pixels = x.size(1) * x.size(2), channels = x.size(3);
  // As many sums whatever the threads are, so that a run can be repeated exactly.
  const at::Tensor sums = at::zeros({batch, kParts, 2, channels}, at::kDouble);
  parallel_for(0, batch * kParts, std::max<int64_t>(1, kWorth * kParts / (pixels * channels + 1)),
               [&](int64_t i, int64_t end) {
                 for (; i < end; ++i) {
                   const int64_t part = i % kParts;
                   double *to = sums.data_ptr<double>() + i * 2 * channels;
                   add_pixels(in.data_ptr<float>() + i / kParts * pixels * channels,
                              pixels * part / kParts, pixels * (part + 1) / kParts, channels, to,
                              to + channels);
                 }
               });
  const double count = static_cast<double>(pixels * (channels / groups_));
  const at::Tensor of_groups =
      sums.sum(1).view({batch, 2, groups_, channels / groups_}).sum(-1) / count;
  const at::Tensor mean = of_groups.select(1, 0);
  const at::Tensor variance = (of_groups.select(1, 1) - mean * mean).clamp_min(0);
  const auto spread = [&](const at::Tensor &values) {
    return values.unsqueeze(-1)
        .expand({batch, groups_, channels / groups_})
        .reshape({batch, channels});
  };
  const at::Tensor factor = spread((variance + eps_).rsqrt()) * weight_;
  return {factor.to(at::kFloat), (bias_ - spread(mean) * factor).to(at::kFloat)};
}

at::Tensor GroupNorm::apply(const Affine &affine, const at::Tensor &strip, Then then) {
  const at::Tensor x = strip.contiguous();
  at::Tensor y = at::empty(x.sizes(), x.options());
  const int64_t pixels = x.size(1) * x.size(2), channels = x.size(3);
  for (int64_t b = 0; b < x.size(0); ++b)
    parallel_for(0, pixels, std::max<int64_t>(1, kWorth / channels), [&](int64_t from, int64_t to) {
      const int64_t at = (b * pixels + from) * channels;
      apply_pixels(x.data_ptr<float>() + at, y.data_ptr<float>() + at, to - from, channels,
                   affine.factor.data_ptr<float>() + b * channels,
                   affine.shift.data_ptr<float>() + b * channels, then == Then::Silu);
    });
  return y;
}

at::Tensor GroupNorm::operator()(const at::Tensor &x, Then then) const {
  const bool learns = at::GradMode::is_enabled() && (x.requires_grad() || weight_.requires_grad());
  if (x.is_cpu() && !learns)
    return apply(affine(x), x, then);
  const at::Tensor y =
      at::group_norm(x.permute({0, 3, 1, 2}), groups_, weight_, bias_, eps_).permute({0, 2, 3, 1});
  return then == Then::Silu ? at::silu(y) : y;
}

} // namespace vlm
