// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/sample.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>

namespace vlm {
namespace {

using Samples = std::vector<std::shared_ptr<const Sample>>;

/// One row a sample, from a member array of its labels.
template <typename Array>
at::Tensor rows(const Samples &samples, Array scenes::DenseLabels::*member) {
  const auto width = static_cast<int64_t>(Array().size());
  at::Tensor out = at::empty({static_cast<int64_t>(samples.size()), width}, at::kLong);
  int64_t *to = out.data_ptr<int64_t>();
  for (const auto &sample : samples)
    to = std::copy((sample->labels.*member).begin(), (sample->labels.*member).end(), to);
  return out;
}

/// Scenes count "none" as the last colour, heads as class 0.
at::Tensor colours(const Samples &samples) {
  return (rows(samples, &scenes::DenseLabels::token_color) + 1).remainder(kColours);
}

at::Tensor signs(const Samples &samples) {
  at::Tensor out = at::empty({static_cast<int64_t>(samples.size())}, at::kBool);
  for (size_t i = 0; i < samples.size(); ++i)
    out.data_ptr<bool>()[i] = samples[i]->labels.has_sign;
  return out;
}

} // namespace

SampleBatch collate(const Samples &samples) {
  SampleBatch out;
  std::vector<at::Tensor> images, images_aux;
  std::vector<const PackedQuestions *> questions;
  for (const auto &sample : samples) {
    images.push_back(sample->images);
    images_aux.push_back(sample->images_aux);
    if (!sample->questions.ids.empty())
      questions.push_back(&sample->questions);
  }
  out.images = at::cat(images, 0);
  out.images_aux = at::cat(images_aux, 0);
  out.targets.token_class = rows(samples, &scenes::DenseLabels::token_class);
  out.targets.token_centre = rows(samples, &scenes::DenseLabels::centre_class);
  out.targets.token_colour = colours(samples);
  out.targets.token_letters = rows(samples, &scenes::DenseLabels::token_letters)
                                  .to(at::kFloat)
                                  .reshape({-1, scenes::token_side * scenes::token_side, kLetters});
  out.targets.coarse_class = rows(samples, &scenes::DenseLabels::stage_class);
  out.targets.cell_letter = rows(samples, &scenes::DenseLabels::cell_letter);
  out.targets.has_sign = signs(samples);
  if (!questions.empty())
    out.questions = pack(questions);
  return out;
}

} // namespace vlm
