// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/pace.h"
#include "model/generation/cross_attention.h"
#include "model/generation/resnet_block.h"
#include "model/generation/sdxl_config.h"

#include <vector>

namespace vlm {

/// Of every norm in the VAE.
inline constexpr double kVaeNormEps = 1e-6;

/// The middle of AutoencoderKL's encoder and of its decoder: two residual blocks around a single
/// head of attention, at the latents' resolution (mgm-spec 9.6).
class VaeMiddle {
public:
  /// `scope` holds `resnets` and `attentions.0`.
  VaeMiddle(const Scope &scope, const VaeConfig &config);

  /// x float32 [B, H, W, C] -> the same shape. Differentiable without strips. Throws
  /// Error(Cancelled) between blocks.
  at::Tensor operator()(const at::Tensor &x, const Strips &strips = {},
                        const Pace &pace = {}) const;

private:
  at::Tensor attend(const at::Tensor &x) const;

  std::vector<ResnetBlock> resnets_;
  GroupNorm norm_;
  CrossAttention attention_;
};

} // namespace vlm
