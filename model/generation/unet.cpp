// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sin.h>

#include <cmath>

namespace vlm {
namespace {

int64_t time_width(const UNetConfig &config) { return 4 * config.levels[0].channels; }

// values float32 [...] -> [..., width]: cosines, then sines, from fast to slow.
at::Tensor sinusoid(const at::Tensor &values, int64_t width) {
  const int64_t half = width / 2;
  const at::Tensor steps = at::arange(half, values.options());
  const at::Tensor angles =
      values.unsqueeze(-1) * at::exp(steps * (-std::log(10000.0) / static_cast<double>(half)));
  return at::cat({at::cos(angles), at::sin(angles)}, -1);
}

} // namespace

UNet::TimeMlp::TimeMlp(const Scope &scope, int64_t in, int64_t width)
    : first(scope.sub("linear_1"), in, width, true),
      second(scope.sub("linear_2"), width, width, true) {}

at::Tensor UNet::TimeMlp::operator()(const at::Tensor &x) const {
  return second(at::silu(first(x)));
}

UNet::UNet(const Scope &scope, const UNetConfig &config)
    : config_(config),
      conv_in_(scope.sub("conv_in"), config.in_channels, config.levels[0].channels, 3),
      time_embedding_(scope.sub("time_embedding"), config.levels[0].channels, time_width(config)),
      add_embedding_(scope.sub("add_embedding"), config.projection_class_embeddings_input_dim,
                     time_width(config)),
      out_(GroupNorm(scope.sub("conv_norm_out"), config.norm_num_groups, config.levels[0].channels,
                     config.norm_eps),
           Convolution(scope.sub("conv_out"), config.levels[0].channels, config.out_channels, 3)) {
  std::vector<int64_t> skips = build_down(scope.sub("down_blocks"));
  build_middle(scope.sub("mid_block"));
  build_up(scope.sub("up_blocks"), std::move(skips));
}

// One more resnet, and an attention where the level has them.
void UNet::add_block(Level &level, const Scope &scope, int64_t in, const UNetLevel &shape) const {
  const auto index = static_cast<int64_t>(level.resnets.size());
  level.resnets.emplace_back(
      scope.sub("resnets").sub(index), in, shape.channels,
      ResnetShape{config_.norm_num_groups, config_.norm_eps, time_width(config_)});
  if (shape.transformer_depth > 0)
    level.attentions.emplace_back(
        scope.sub("attentions").sub(index),
        Transformer2D::Shape{shape.channels, shape.heads, shape.transformer_depth,
                             config_.cross_attention_dim, config_.norm_num_groups});
}

// Returns the channels of every map that the way up gets.
std::vector<int64_t> UNet::build_down(const Scope &scope) {
  int64_t channels = config_.levels[0].channels;
  std::vector<int64_t> skips = {channels};
  for (size_t i = 0; i < config_.levels.size(); ++i) {
    const Scope place = scope.sub(static_cast<int64_t>(i));
    Level &level = down_.emplace_back();
    for (int64_t k = 0; k < config_.layers_per_block; ++k) {
      add_block(level, place, channels, config_.levels[i]);
      channels = config_.levels[i].channels;
      skips.push_back(channels);
    }
    if (i + 1 == config_.levels.size())
      break;
    level.downsampler.emplace(place.sub("downsamplers.0.conv"), channels, channels, 3, 2);
    skips.push_back(channels);
  }
  return skips;
}

void UNet::build_middle(const Scope &scope) {
  UNetLevel shape = config_.levels.back();
  shape.transformer_depth = config_.mid_transformer_depth;
  add_block(mid_, scope, shape.channels, shape);
  shape.transformer_depth = 0;
  add_block(mid_, scope, shape.channels, shape);
}

void UNet::build_up(const Scope &scope, std::vector<int64_t> skips) {
  int64_t channels = config_.levels.back().channels;
  for (size_t i = 0; i < config_.levels.size(); ++i) {
    const UNetLevel &shape = config_.levels[config_.levels.size() - 1 - i];
    const Scope place = scope.sub(static_cast<int64_t>(i));
    Level &level = up_.emplace_back();
    for (int64_t k = 0; k <= config_.layers_per_block; ++k) {
      add_block(level, place, channels + skips.back(), shape);
      skips.pop_back();
      channels = shape.channels;
    }
    if (i + 1 < config_.levels.size())
      level.upsampler.emplace(place.sub("upsamplers.0"), channels);
  }
}

UNet::Condition UNet::condition(const at::Tensor &context, const at::Tensor &pooled,
                                const at::Tensor &time_ids) const {
  const at::Tensor sizes =
      sinusoid(time_ids, config_.addition_time_embed_dim).reshape({time_ids.size(0), -1});
  return {context, add_embedding_(at::cat({pooled, sizes}, -1))};
}

at::Tensor UNet::run_block(const Level &level, size_t i, const at::Tensor &x, const Inputs &in) {
  in.pace.check();
  const at::Tensor y = level.resnets[i](x, in.time);
  if (i >= level.attentions.size())
    return y;
  in.pace.check();
  return level.attentions[i](y, in.context, in.pace);
}

at::Tensor UNet::run_up(at::Tensor x, std::vector<at::Tensor> skips, const Inputs &in) const {
  for (const Level &level : up_) {
    for (size_t i = 0; i < level.resnets.size(); ++i) {
      x = at::cat({x, skips.back()}, -1);
      skips.pop_back();
      x = run_block(level, i, x, in);
    }
    if (level.upsampler) // to the size that the way down had there, be it odd
      x = (*level.upsampler)(x, skips.back().size(1), skips.back().size(2));
  }
  return x;
}

at::Tensor UNet::operator()(const at::Tensor &latents, const at::Tensor &timesteps,
                            const Condition &condition, const Pace &pace) const {
  const at::Tensor time =
      at::silu(time_embedding_(sinusoid(timesteps, config_.levels[0].channels)) + condition.added);
  const Inputs in{time, condition.context, pace};
  at::Tensor x = conv_in_(latents.permute({0, 2, 3, 1}).contiguous());
  std::vector<at::Tensor> skips = {x};
  for (const Level &level : down_) {
    for (size_t i = 0; i < level.resnets.size(); ++i)
      skips.push_back(x = run_block(level, i, x, in));
    if (level.downsampler)
      skips.push_back(x = (*level.downsampler)(x));
  }
  x = run_block(mid_, 1, run_block(mid_, 0, x, in), in);
  x = run_up(x, std::move(skips), in);
  pace.check();
  return out_(x).permute({0, 3, 1, 2}).contiguous();
}

} // namespace vlm
