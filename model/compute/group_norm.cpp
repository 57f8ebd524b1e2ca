// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/group_norm.h"

#include "model/compute/autograd_function.h"
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
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kParts = 64;         // of a picture, each with sums of its own
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

// [B, groups] -> [B, channels].
at::Tensor spread(const at::Tensor &of_groups, int64_t channels) {
  const int64_t batch = of_groups.size(0), groups = of_groups.size(1);
  return of_groups.unsqueeze(-1)
      .expand({batch, groups, channels / groups})
      .reshape({batch, channels});
}

// [B, channels] -> [B, groups].
at::Tensor sum_groups(const at::Tensor &of_channels, int64_t groups) {
  return of_channels.view({of_channels.size(0), groups, -1}).sum(-1);
}

// d(silu(z)) / dz, times g.
inline Float8 silu_gradient(Float8 z, Float8 g) {
  const Float8 small = simd::exp_negative(z < 0.0f ? z : -z);
  const Float8 sigmoid = (z < 0.0f ? small : simd::splat(1)) / (1.0f + small);
  return g * sigmoid * (1.0f + z * (1.0f - sigmoid));
}

// A picture's way back: dz from the output's gradient, and its sums over pixels, alone and times x.
void gradient_sums(const float *x, const float *grad, float *dz, int64_t pixels, int64_t channels,
                   const float *factor, const float *shift, bool then_silu, float *sums,
                   float *products) {
  for (int64_t p = 0; p < pixels; ++p, x += channels, grad += channels, dz += channels) {
    int64_t c = 0;
    for (; c + simd::kLanes <= channels; c += simd::kLanes) {
      const Float8 value = simd::load(x + c);
      Float8 g = simd::load(grad + c);
      if (then_silu)
        g = silu_gradient(value * simd::load(factor + c) + simd::load(shift + c), g);
      simd::store(dz + c, g);
      simd::store(sums + c, simd::load(sums + c) + g);
      simd::store(products + c, simd::load(products + c) + g * value);
    }
    for (; c < channels; ++c) {
      float g = grad[c];
      if (then_silu)
        g = silu_gradient(simd::splat(x[c] * factor[c] + shift[c]), simd::splat(g))[0];
      dz[c] = g;
      sums[c] += g;
      products[c] += g * x[c];
    }
  }
}

// dx = dz * a + x * b + c for every channel, in place of dz.
void finish_gradient(const float *x, float *dz, int64_t pixels, int64_t channels, const float *a,
                     const float *b, const float *c) {
  for (int64_t p = 0; p < pixels; ++p, x += channels, dz += channels)
    for (int64_t i = 0; i < channels; ++i)
      dz[i] = dz[i] * a[i] + x[i] * b[i] + c[i];
}

} // namespace

// With n = (x - mean) * scale and z = n w + b: dx = scale (dz w - mean(dz w) - n mean(dz w n)), the
// means over a group.
struct GroupNormFunction : torch::autograd::Function<GroupNormFunction> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor & /*bias*/, const GroupNorm *norm, bool then_silu) {
    const at::Tensor in = x.contiguous();
    const GroupNorm::Statistics of = norm->statistics(in);
    const GroupNorm::Affine affine = norm->affine(of);
    context->save_for_backward({in, weight, of.mean, of.scale, affine.factor, affine.shift});
    context->saved_data["silu"] = then_silu;
    return GroupNorm::apply(affine, in,
                            then_silu ? GroupNorm::Then::Silu : GroupNorm::Then::Nothing);
  }

  static variable_list backward(AutogradContext *context, const variable_list &grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &scale = saved[3];
    const at::Tensor &factor = saved[4], &shift = saved[5], grad = grads[0].contiguous();
    const int64_t batch = x.size(0), pixels = x.size(1) * x.size(2), channels = x.size(3);
    const bool then_silu = context->saved_data["silu"].toBool();
    at::Tensor dx = at::empty(x.sizes(), x.options());
    const at::Tensor sums = at::zeros({2, batch, channels}, x.options());
    const auto row = [&](const at::Tensor &of, int64_t b) {
      return of.data_ptr<float>() + b * channels;
    };
    const auto picture = [&](const at::Tensor &of, int64_t b) {
      return of.data_ptr<float>() + b * pixels * channels;
    };
    parallel_for(0, batch, 1, [&](int64_t b, int64_t end) {
      for (; b < end; ++b)
        gradient_sums(picture(x, b), picture(grad, b), picture(dx, b), pixels, channels,
                      row(factor, b), row(shift, b), then_silu, row(sums, b), row(sums, batch + b));
    });
    const at::Tensor wide_scale = spread(scale, channels), wide_mean = spread(mean, channels);
    const at::Tensor sum = sums[0].to(at::kDouble);
    const at::Tensor with_n = (sums[1].to(at::kDouble) - sum * wide_mean) * wide_scale;
    const int64_t groups = mean.size(1);
    const double count = static_cast<double>(pixels * (channels / groups));
    const at::Tensor of_sum = spread(sum_groups(sum * weight, groups) / count, channels);
    const at::Tensor of_n = spread(sum_groups(with_n * weight, groups) / count, channels);
    const at::Tensor b = -of_n * wide_scale * wide_scale;
    const at::Tensor c = -of_sum * wide_scale - b * wide_mean;
    const at::Tensor b32 = b.to(at::kFloat).contiguous(), c32 = c.to(at::kFloat).contiguous();
    parallel_for(0, batch, 1, [&](int64_t i, int64_t end) {
      for (; i < end; ++i)
        finish_gradient(picture(x, i), picture(dx, i), pixels, channels, row(factor, i),
                        row(b32, i), row(c32, i));
    });
    return {dx, with_n.sum(0).to(at::kFloat), sum.sum(0).to(at::kFloat), {}, {}};
  }
};

GroupNorm::GroupNorm(const Scope &scope, int64_t groups, int64_t channels, double eps)
    : groups_(groups), eps_(eps), weight_(scope.tensor("weight", {channels})),
      bias_(scope.tensor("bias", {channels})) {}

GroupNorm::Statistics GroupNorm::statistics(const at::Tensor &x) const {
  const at::Tensor in = x.contiguous();
  const int64_t batch = x.size(0), pixels = x.size(1) * x.size(2), channels = x.size(3);
  // As many sums whatever the threads are, so that a run can be repeated exactly.
  const at::Tensor sums = at::zeros({batch, kParts, 2, channels}, at::kDouble);
  parallel_for(0, batch * kParts, grain_of(kWorthElements * kParts, pixels * channels),
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
  return {mean, (variance + eps_).rsqrt()};
}

GroupNorm::Affine GroupNorm::affine(const Statistics &of) const {
  const int64_t channels = weight_.numel();
  const at::Tensor factor = spread(of.scale, channels) * weight_;
  return {factor.to(at::kFloat), (bias_ - spread(of.mean, channels) * factor).to(at::kFloat)};
}

GroupNorm::Affine GroupNorm::affine(const at::Tensor &x) const { return affine(statistics(x)); }

at::Tensor GroupNorm::apply(const Affine &affine, const at::Tensor &strip, Then then) {
  const at::Tensor x = strip.contiguous();
  at::Tensor y = at::empty(x.sizes(), x.options());
  const int64_t pixels = x.size(1) * x.size(2), channels = x.size(3);
  for (int64_t b = 0; b < x.size(0); ++b)
    parallel_for(0, pixels, grain_of(kWorthElements, channels), [&](int64_t from, int64_t to) {
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
  if (x.is_cpu())
    return GroupNormFunction::apply(x, weight_, bias_, this, then == Then::Silu);
  const at::Tensor y =
      at::group_norm(x.permute({0, 3, 1, 2}), groups_, weight_, bias_, eps_).permute({0, 2, 3, 1});
  return then == Then::Silu ? at::silu(y) : y;
}

} // namespace vlm
