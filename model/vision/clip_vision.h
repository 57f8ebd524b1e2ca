// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/norm.h"
#include "model/core/pace.h"
#include "model/vision/clip_layer.h"
#include "model/vision/patch_conv.h"
#include "model/weights/vision_config.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// CLIP's vision transformer up to the selected hidden state (mgm-spec 2.3). Width, depth, patch
/// and input size come from the tensors' shapes; heads are always 64 wide. Const members may be
/// called from any thread.
class ClipVisionTower {
public:
  /// `scope` holds `embeddings.*`, `pre_layrnorm.*`, `encoder.layers.*` (the prefix
  /// "vision_model."). Layers behind the selected one are not read. Error(Format) naming the
  /// tensor, Error(Settings) for a select_layer outside the tower.
  ClipVisionTower(const Scope &scope, const VisionConfig &config);

  int64_t hidden_size() const { return patch_embedding_.out_channels(); }
  int64_t image_size() const { return side_ * patch_embedding_.size(); } ///< pixels a side
  int64_t num_patches() const { return side_ * side_; }                  ///< (image_size / patch)^2

  /// pixel_values float32 [B, 3, image_size, image_size] -> [B, num_patches (+ 1), hidden_size].
  /// Differentiable. Throws Error(Cancelled) between layers.
  at::Tensor operator()(const at::Tensor &pixel_values, const Pace &pace = {}) const;

private:
  at::Tensor embed(const at::Tensor &pixel_values) const;

  bool keep_class_token_;
  PatchConv patch_embedding_;
  int64_t side_ = 0; // patches a side
  at::Tensor class_embedding_, position_embedding_;
  LayerNorm pre_norm_;
  std::vector<ClipLayer> layers_; // only those that run
};

} // namespace vlm
