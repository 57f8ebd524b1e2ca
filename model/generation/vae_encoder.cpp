// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/vae_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>

namespace vlm {
namespace {

constexpr double kLeastLogvar = -30, kMostLogvar = 20;

} // namespace

VaeEncoder::VaeEncoder(const Scope &scope, const VaeConfig &config)
    : config_(config),
      conv_in_(scope.sub("encoder.conv_in"), config.out_channels, config.block_out_channels[0], 3),
      middle_(scope.sub("encoder.mid_block"), config),
      out_(GroupNorm(scope.sub("encoder.conv_norm_out"), config.norm_num_groups,
                     config.block_out_channels.back(), kVaeNormEps),
           Convolution(scope.sub("encoder.conv_out"), config.block_out_channels.back(),
                       2 * config.latent_channels, 3)),
      quant_conv_(scope.sub("quant_conv"), 2 * config.latent_channels, 2 * config.latent_channels,
                  1) {
  const Scope blocks = scope.sub("encoder.down_blocks");
  int64_t channels = config.block_out_channels[0];
  for (size_t i = 0; i < config.block_out_channels.size(); ++i) {
    const Scope place = blocks.sub(static_cast<int64_t>(i));
    Level &level = down_.emplace_back();
    for (int64_t k = 0; k < config.layers_per_block; ++k) {
      const int64_t out = config.block_out_channels[i];
      level.resnets.emplace_back(place.sub("resnets").sub(k), channels, out,
                                 ResnetShape{config.norm_num_groups, kVaeNormEps});
      channels = out;
    }
    if (i + 1 < config.block_out_channels.size())
      level.downsampler.emplace(place.sub("downsamplers.0.conv"), channels, channels, 3, 2);
  }
}

VaeEncoder::Distribution VaeEncoder::operator()(const at::Tensor &pictures) const {
  at::Tensor x = conv_in_(pictures.permute({0, 2, 3, 1}).contiguous());
  for (const Level &level : down_) {
    for (const ResnetBlock &resnet : level.resnets)
      x = resnet(x);
    if (level.downsampler) // diffusers pads on the right and below only
      x = level.downsampler->inside(at::constant_pad_nd(x, {0, 0, 0, 1, 0, 1}));
  }
  const at::Tensor moments = quant_conv_(out_(middle_(x))).permute({0, 3, 1, 2});
  const int64_t channels = config_.latent_channels;
  return {moments.narrow(1, 0, channels).contiguous(),
          moments.narrow(1, channels, channels).clamp(kLeastLogvar, kMostLogvar)};
}

} // namespace vlm
