// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/clip_tokenizer.h"
#include "model/training/painter/latent_cache.h"
#include "model/training/painter/losses.h"

namespace vlm {

/// What the UNet's samples are drawn from.
struct LatentSource {
  std::shared_ptr<const LatentCache> cache;
  std::shared_ptr<const std::array<ClipTokenizer, 2>> tokenizers;
  PainterSizes sizes;
  int64_t scenes;
  double scaling_factor;
  uint64_t seed;
};

/// Pictures with noise for their latents: what an autoencoder learns from, or a part of one.
/// Sample `index` depends on the source, the sizes and the index alone.
OrderedLoader<PainterSample>::Make vae_samples(const PaintingSource &source,
                                               const PainterSizes &sizes);
/// Cached latents with their prompt, noise and timestep, likewise.
OrderedLoader<PainterSample>::Make unet_samples(const LatentSource &from);

} // namespace vlm
