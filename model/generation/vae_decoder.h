// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/vae_middle.h"

#include <optional>
#include <vector>

namespace vlm {

/// The decoder of SDXL's AutoencoderKL (mgm-spec 9.6): from latents to a picture. Const members may
/// be called from any thread.
class VaeDecoder {
public:
  /// `scope`: the root of vae/; float32, as half precision overflows in it. Error(Format) naming
  /// the tensor.
  VaeDecoder(const Scope &scope, const VaeConfig &config);

  /// Larger pictures are decoded layer by layer in strips, to the same result: only a layer's input
  /// and output are whole.
  static constexpr int64_t kWholePixels = 768 * 768;
  /// Strips for a picture of so many pixels.
  static Strips strips_for(int64_t pixels);

  /// latents float32 [B, latent_channels, H, W], as the scheduler leaves them -> [B, 3, 8 H, 8 W],
  /// black at -1, white at 1, beyond where the decoder goes beyond. Differentiable without strips.
  /// Throws Error(Cancelled) between blocks.
  at::Tensor operator()(const at::Tensor &latents, const Strips &strips,
                        const Pace &pace = {}) const;

  /// The picture of latents [1, latent_channels, H, W]: [3, 8 H, 8 W], 0 to 1, in strips where it
  /// is large.
  at::Tensor picture(const at::Tensor &latents, const Pace &pace = {}) const;

  /// Bytes that decoding a picture of so many pixels takes beside the weights.
  static uint64_t working_bytes(const VaeConfig &config, int64_t pixels);
  const VaeConfig &config() const { return config_; }

private:
  struct Level {
    std::vector<ResnetBlock> resnets;
    std::optional<Upsample> upsampler;
  };

  VaeConfig config_;
  Convolution post_quant_conv_, conv_in_;
  VaeMiddle middle_;
  std::vector<Level> up_;
  NormedConvolution out_;
};

} // namespace vlm
