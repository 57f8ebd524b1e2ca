// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model/training/small_model.h"

#include "model/training/scenes/random.h"

#include <ATen/ops/empty.h>

namespace vlm::test {
namespace {

at::Tensor noise(const std::vector<int64_t> &shape, scenes::Random &random) {
  at::Tensor out = at::empty(shape);
  for (int64_t i = 0; i < out.numel(); ++i)
    out.data_ptr<float>()[i] = static_cast<float>(random.normal());
  return out;
}

template <typename Array> void draw(Array &values, int count, scenes::Random &random) {
  for (auto &value : values)
    value = static_cast<typename Array::value_type>(random.below(count));
}

/// "<s> 5 [picture] a b c" with c and an end mark as the answer.
SupervisedIds conversation(scenes::Random &random) {
  SupervisedIds out;
  out.ids = {1, 5, kImageToken};
  for (int i = 0; i < 4; ++i)
    out.ids.push_back(6 + random.below(20));
  out.ids.push_back(2);
  out.targets.assign(out.ids.size(), kIgnore);
  for (size_t i = out.ids.size() - 3; i + 1 < out.ids.size(); ++i)
    out.targets[i] = out.ids[i + 1];
  return out;
}

std::shared_ptr<const Sample> noise_sample(uint64_t index) {
  scenes::Random random(17, index);
  auto sample = std::make_shared<Sample>();
  const TinyConfig config = small_config();
  sample->images = noise({1, 3, config.image_size, config.image_size}, random);
  sample->images_aux = noise({1, 3, config.image_size_aux, config.image_size_aux}, random);
  draw(sample->labels.token_class, kSmallClasses, random);
  draw(sample->labels.centre_class, kSmallClasses, random);
  draw(sample->labels.token_color, scenes::color_classes, random);
  draw(sample->labels.token_letters, 2, random);
  draw(sample->labels.stage_class, kSmallClasses, random);
  draw(sample->labels.cell_letter, scenes::letter_classes, random);
  sample->labels.has_sign = true;
  sample->questions =
      PackedQuestions({conversation(random), conversation(random)}, config.tokens());
  return sample;
}

} // namespace

TinyConfig small_config() {
  TinyConfig config;
  config.vit_width = config.vit_mlp = config.hidden = config.ffn = config.vocab = 64;
  config.vit_layers = config.layers = config.heads = 1;
  config.aux_dims = {8, 8, 16, 16};
  config.aux_depths = {1, 1, 1, 1};
  return config;
}

std::vector<std::shared_ptr<const Sample>> noise_samples(int64_t first, int64_t count) {
  std::vector<std::shared_ptr<const Sample>> out;
  for (int64_t i = first; i < first + count; ++i)
    out.push_back(noise_sample(static_cast<uint64_t>(i)));
  return out;
}

} // namespace vlm::test
