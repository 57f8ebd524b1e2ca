// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/source.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>

namespace vlm {
namespace {

at::Tensor as_tensor(const Image &image) {
  at::Tensor bytes = at::empty({1, image.height, image.width, 3}, at::kByte);
  std::copy(image.rgb.begin(), image.rgb.end(), bytes.data_ptr<uint8_t>());
  return (bytes.permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1).contiguous();
}

} // namespace

OrderedLoader<PromptedPicture>::Make prompted_pictures(const PaintingSource &source) {
  const auto maker =
      std::make_shared<scenes::SceneMaker>(*source.assets, scenes::painting_options());
  return [source, maker](uint64_t index) {
    const scenes::PromptedScene made =
        scenes::make_painting(*maker, *source.assets, source.seed, index, source.held_out);
    const auto side = static_cast<int>(source.image_size);
    return std::make_shared<const PromptedPicture>(
        PromptedPicture{as_tensor(scenes::shrunk(made.scene.image, side)), made.prompt});
  };
}

at::Tensor drawn_noise(const std::vector<int64_t> &shape, scenes::Random &random) {
  at::Tensor out = at::empty(shape);
  float *data = out.data_ptr<float>();
  std::generate_n(data, out.numel(), [&] { return static_cast<float>(random.normal()); });
  return out;
}

} // namespace vlm
