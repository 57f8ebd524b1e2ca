// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/vae_decoder.h"

#include "model/core/resident_memory.h"
#include "model/generation/latents.h"

#include <ATen/TensorOperators.h>

namespace vlm {
namespace {

constexpr int64_t kStripValues = int64_t{1} << 22;

// The maps of a large picture are of other sizes in each level: what one leaves in malloc's memory
// is no room for those of the next. `latents`: [B, C, H, W].
void tidy(const at::Tensor &latents) {
  constexpr int64_t kLarge = 64 * 64;
  if (latents.size(2) * latents.size(3) >= kLarge)
    give_back_freed_memory();
}

} // namespace

VaeDecoder::VaeDecoder(const Scope &scope, const VaeConfig &config)
    : config_(config), post_quant_conv_(scope.sub("post_quant_conv"), config.latent_channels,
                                        config.latent_channels, 1),
      conv_in_(scope.sub("decoder.conv_in"), config.latent_channels,
               config.block_out_channels.back(), 3),
      middle_(scope.sub("decoder.mid_block"), config),
      out_(GroupNorm(scope.sub("decoder.conv_norm_out"), config.norm_num_groups,
                     config.block_out_channels[0], kVaeNormEps),
           Convolution(scope.sub("decoder.conv_out"), config.block_out_channels[0],
                       config.out_channels, 3)) {
  const ResnetShape shape{config.norm_num_groups, kVaeNormEps};
  int64_t channels = config.block_out_channels.back();
  const Scope decoder = scope.sub("decoder");
  const size_t levels = config.block_out_channels.size();
  for (size_t i = 0; i < levels; ++i) {
    const Scope place = decoder.sub("up_blocks").sub(static_cast<int64_t>(i));
    Level &level = up_.emplace_back();
    for (int64_t k = 0; k <= config.layers_per_block; ++k) {
      const int64_t out = config.block_out_channels[levels - 1 - i];
      level.resnets.emplace_back(place.sub("resnets").sub(k), channels, out, shape);
      channels = out;
    }
    if (i + 1 < levels)
      level.upsampler.emplace(place.sub("upsamplers.0"), channels);
  }
}

Strips VaeDecoder::strips_for(int64_t pixels) { return {pixels > kWholePixels ? kStripValues : 0}; }

at::Tensor VaeDecoder::operator()(const at::Tensor &latents, const Strips &strips,
                                  const Pace &pace) const {
  tidy(latents);
  const at::Tensor z = (latents / config_.scaling_factor).permute({0, 2, 3, 1}).contiguous();
  at::Tensor x = middle_(conv_in_(post_quant_conv_(z)), strips, pace);
  for (const Level &level : up_) {
    tidy(latents);
    for (const ResnetBlock &resnet : level.resnets) {
      pace.check();
      x = resnet(x, {}, strips);
    }
    pace.check();
    if (level.upsampler)
      x = (*level.upsampler)(x, 2 * x.size(1), 2 * x.size(2), strips);
  }
  return out_(x, strips).permute({0, 3, 1, 2});
}

at::Tensor VaeDecoder::picture(const at::Tensor &latents, const Pace &pace) const {
  const int64_t pixels = latents.size(2) * latents.size(3) * kPixelsPerLatent * kPixelsPerLatent;
  const at::Tensor decoded = (*this)(latents, strips_for(pixels), pace).squeeze(0);
  return (decoded * .5 + .5).clamp(0, 1);
}

uint64_t VaeDecoder::working_bytes(const VaeConfig &config, int64_t pixels) {
  // Largest where the last level begins: its input and, of its own width, four maps (in strips two
  // are enough at a time, but what is freed between them is not what comes next), and as a whole
  // the input's twin.
  const int64_t in = config.block_out_channels[1], own = config.block_out_channels[0];
  const bool whole = strips_for(pixels).values == 0;
  const int64_t values = (whole ? 2 * in : in) + 4 * own;
  const int64_t strip = whole ? 0 : 8 * kStripValues;
  return 4 * static_cast<uint64_t>(values * pixels + strip);
}

} // namespace vlm
