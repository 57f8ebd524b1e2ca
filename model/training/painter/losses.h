// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/vae_encoder.h"
#include "model/training/painter/sizes.h"
#include "model/vision/convnext.h"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vlm {

/// One picture that a painter learns from.
struct PainterSample {
  at::Tensor input; ///< VAE: the picture [1, 3, S, S], -1 to 1; UNet: scaled latents [1, 4, s, s]
  at::Tensor noise; ///< N(0, 1), [1, 4, s, s]
  int64_t timestep = 0;                    ///< UNet
  std::array<std::vector<int64_t>, 2> ids; ///< UNet: of the prompt, for either text encoder
};

/// Several as one batch.
struct PainterBatch {
  at::Tensor input, noise, timesteps; ///< timesteps int64 [B]
  std::array<at::Tensor, 2> ids;      ///< int64 [B, 77]
};
PainterBatch collate(const std::vector<std::shared_ptr<const PainterSample>> &samples);

/// Mean over the batch, to be learnt from, and the parts to look at.
struct PainterLoss {
  at::Tensor loss;
  std::map<std::string, double> parts;
};

/// How well pictures come back from latents: |difference|, features of `eyes` (may be null) apart
/// from each other, a little divergence from N(0, 1). `scope` holds "vae".
PainterLoss vae_loss(const Scope &scope, const PainterSizes &sizes, const ConvNextTower *eyes,
                     const PainterBatch &batch);

/// The same of a decoder alone, on what a finished encoder makes of the pictures. `scope` holds
/// decoder_part().
PainterLoss decoder_loss(const Scope &scope, const PainterSizes &sizes, const VaeEncoder &encoder,
                         const ConvNextTower *eyes, const PainterBatch &batch);

/// How well noise is told from latents, with the weights of min-SNR-5 (Hang et al. 2023,
/// arXiv 2303.09556). `scope` holds "unet", "text_encoder" and "text_encoder_2".
PainterLoss unet_loss(const Scope &scope, const PainterSizes &sizes, const PainterBatch &batch);

} // namespace vlm
