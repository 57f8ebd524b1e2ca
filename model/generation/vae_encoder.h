// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/vae_middle.h"

#include <optional>
#include <vector>

namespace vlm {

/// The encoder of SDXL's AutoencoderKL (diffusers): from pictures to latents, which training needs.
/// Const members may be called from any thread.
class VaeEncoder {
public:
  /// `scope`: the root of vae/; float32. Error(Format) naming the tensor.
  VaeEncoder(const Scope &scope, const VaeConfig &config);

  /// A normal distribution of latents, not yet scaled, each [B, latent_channels, H / 8, W / 8].
  struct Distribution {
    at::Tensor mean;
    at::Tensor logvar; ///< log of the variance, -30 to 20
  };
  /// pictures float32 [B, 3, H, W], black at -1, white at 1; H and W are multiples of 8.
  /// Differentiable.
  Distribution operator()(const at::Tensor &pictures) const;

private:
  struct Level {
    std::vector<ResnetBlock> resnets;
    std::optional<Convolution> downsampler;
  };
  VaeConfig config_;
  Convolution conv_in_;
  std::vector<Level> down_;
  VaeMiddle middle_;
  NormedConvolution out_;
  Convolution quant_conv_;
};

} // namespace vlm
