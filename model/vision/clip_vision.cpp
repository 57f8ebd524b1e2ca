// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/clip_vision.h"

#include "model/core/error.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <cmath>

namespace vlm {
namespace {

constexpr double kClipEps = 1e-5;
constexpr int64_t kHeadDim = 64;

/// Layers that run, from the index of a hidden state (0: before the first layer; negative: from the
/// end, as in Python).
int64_t selected_layers(const Scope &encoder, int64_t select_layer) {
  const int64_t all = encoder.count("layers");
  const int64_t selected = select_layer < 0 ? all + 1 + select_layer : select_layer;
  if (selected < 0 || selected > all)
    fail(ErrorCategory::Settings, "mm_vision_select_layer ", select_layer,
         " is outside the vision tower, which has ", all, " layers (", encoder.prefix(), ")");
  return selected;
}

} // namespace

ClipVisionTower::ClipVisionTower(const Scope &scope, const VisionConfig &config)
    : keep_class_token_(config.keep_class_token),
      patch_embedding_(scope.sub("embeddings").sub("patch_embedding"), PatchConv::Layout::Planes,
                       /*bias=*/false),
      pre_norm_(scope.sub("pre_layrnorm"), patch_embedding_.out_channels(), kClipEps) {
  const Scope embeddings = scope.sub("embeddings");
  const int64_t width = hidden_size();
  const std::vector<int64_t> positions = embeddings.shape("position_embedding.weight");
  side_ = positions.empty() ? 0 : std::llround(std::sqrt(double(positions[0] - 1)));
  if (side_ < 1 || positions != std::vector<int64_t>{side_ * side_ + 1, width} ||
      width % kHeadDim != 0)
    fail(ErrorCategory::Format, "tensor ", embeddings.prefix(), "position_embedding.weight of [",
         at::IntArrayRef(positions), "] fits no square of patches and heads of ", kHeadDim);
  class_embedding_ = embeddings.tensor("class_embedding", {width});
  position_embedding_ = embeddings.tensor("position_embedding.weight", positions);
  const Scope encoder = scope.sub("encoder");
  const int64_t count = selected_layers(encoder, config.select_layer);
  for (int64_t i = 0; i < count; ++i)
    layers_.emplace_back(encoder.sub("layers").sub(i), width, width / kHeadDim,
                         ClipLayer::Activation::QuickGelu);
}

at::Tensor ClipVisionTower::embed(const at::Tensor &pixel_values) const {
  const int64_t batch = pixel_values.size(0), width = hidden_size();
  const at::Tensor patches = patch_embedding_(pixel_values).view({batch, num_patches(), width});
  const at::Tensor first = class_embedding_.expand({batch, 1, width});
  return pre_norm_(at::cat({first, patches}, 1) + position_embedding_);
}

at::Tensor ClipVisionTower::operator()(const at::Tensor &pixel_values, const Pace &pace) const {
  at::Tensor x = embed(pixel_values);
  for (const ClipLayer &layer : layers_) {
    pace.check();
    x = layer(x);
  }
  return keep_class_token_ ? x : x.narrow(1, 1, num_patches());
}

} // namespace vlm
