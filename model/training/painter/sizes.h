// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/sdxl_config.h"
#include "model/training/parameter_store.h"

#include <cstddef>

namespace vlm {

/// Pictures of a pass: oneDNN convolves so many in one thread, fewer it does not.
constexpr size_t kPictureSlice = 16;

/// Sizes of a small SDXL model that is trained from nothing; as they stand, of vlm-tiny-diffusion.
struct PainterSizes {
  PainterSizes();
  int64_t image_size = 128; ///< side of the square pictures, in pixels
  int64_t vocab = 1280;     ///< of both tokenizers
  VaeConfig vae;            ///< its scaling_factor is 1: it is measured once the VAE is trained
  UNetConfig unet;
  ClipTextConfig text, text_2;
  SchedulerConfig scheduler;

  int64_t latent_size() const { return image_size / 8; }
  /// Width of a text encoder's feed-forward layers.
  static int64_t mlp(const ClipTextConfig &text) { return 2 * text.hidden_size; }
};

/// Every tensor of vae/ below "vae.", freshly drawn from `seed`.
ParameterStore initial_vae(const PainterSizes &sizes, uint64_t seed);
/// What makes pictures from latents, of those; it shares their memory.
ParameterStore decoder_part(const ParameterStore &vae);
/// Every tensor of unet/, text_encoder/ and text_encoder_2/ below the folders' names.
ParameterStore initial_unet(const PainterSizes &sizes, uint64_t seed);

} // namespace vlm
