// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/source.h"

#include "model/generation/latents.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace vlm {

OrderedLoader<PromptedPicture>::Make prompted_pictures(const PaintingSource &source) {
  scenes::SceneOptions options = scenes::painting_options();
  options.drill = !source.held_out;
  const auto maker = std::make_shared<scenes::SceneMaker>(*source.assets, options);
  return [source, maker](uint64_t index) {
    const scenes::PromptedScene made =
        scenes::make_painting(*maker, *source.assets, source.seed, index, source.held_out);
    const auto side = static_cast<int>(source.image_size);
    return std::make_shared<const PromptedPicture>(
        PromptedPicture{from_image(scenes::shrunk(made.scene.image, side)), made.prompt});
  };
}

at::Tensor drawn_noise(const std::vector<int64_t> &shape, scenes::Random &random) {
  at::Tensor out = at::empty(shape);
  float *data = out.data_ptr<float>();
  std::generate_n(data, out.numel(), [&] { return static_cast<float>(random.normal()); });
  return out;
}

} // namespace vlm
