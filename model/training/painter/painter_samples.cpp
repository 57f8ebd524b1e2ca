// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/painter_samples.h"

#include "model/generation/painter.h"

#include <ATen/TensorOperators.h>

namespace vlm {
namespace {

constexpr uint64_t kNoiseStream = 0x6e6f6973;
constexpr double kUnconditional = .1;

std::vector<int64_t> latent_shape(const PainterSizes &sizes) {
  return {1, sizes.vae.latent_channels, sizes.latent_size(), sizes.latent_size()};
}

// Guidance compares with no prompt, or with the reference's list of what to avoid: the model must
// know both.
std::string drawn_prompt(const std::string &prompt, scenes::Random &random) {
  if (!random.chance(kUnconditional))
    return prompt;
  return random.chance(.5) ? "" : kDefaultNegativePrompt;
}

} // namespace

OrderedLoader<PainterSample>::Make vae_samples(const PaintingSource &source,
                                               const PainterSizes &sizes) {
  const auto make = prompted_pictures(source);
  return [make, source, sizes](uint64_t index) {
    scenes::Random random(source.seed ^ kNoiseStream, index);
    PainterSample sample;
    sample.input = make(index)->picture;
    sample.noise = drawn_noise(latent_shape(sizes), random);
    return std::make_shared<const PainterSample>(std::move(sample));
  };
}

OrderedLoader<PainterSample>::Make unet_samples(const LatentSource &from) {
  return [from](uint64_t index) {
    scenes::Random random(from.seed ^ kNoiseStream, index);
    const int64_t scene = random.below(static_cast<int>(from.scenes));
    const std::string prompt = drawn_prompt(from.cache->prompt(scene), random);
    PainterSample sample;
    sample.input = from.cache->latents(scene) * from.scaling_factor;
    sample.timestep = random.below(static_cast<int>(from.sizes.scheduler.num_train_timesteps));
    sample.noise = drawn_noise(latent_shape(from.sizes), random);
    for (size_t i = 0; i < 2; ++i)
      sample.ids[i] = (*from.tokenizers)[i].encode(prompt).ids;
    return std::make_shared<const PainterSample>(std::move(sample));
  };
}

} // namespace vlm
