// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/compute/norm.h"
#include "model/core/cancel.h"
#include "model/weights/vision_config.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// CLIP's vision transformer up to the selected hidden state (mgm-spec 2.3). Width, depth, patch
/// and input size come from the tensors' shapes; heads are always 64 wide.
class ClipVisionTower {
public:
  /// `scope` holds `embeddings.*`, `pre_layrnorm.*`, `encoder.layers.*` (the prefix
  /// "vision_model.").
  ClipVisionTower(const Scope &scope, const VisionConfig &config);

  int64_t hidden_size() const;
  int64_t image_size() const;  ///< pixels a side
  int64_t num_patches() const; ///< (image_size / patch)^2

  /// pixel_values float32 [B, 3, image_size, image_size] -> [B, num_patches (+ 1), hidden_size].
  /// Differentiable. Throws Error(Cancelled) between layers.
  at::Tensor operator()(const at::Tensor &pixel_values, const CancelToken &cancel = {}) const;

private:
  struct Layer {
    LayerNorm norm1, norm2;
    Linear q, k, v, out, fc1, fc2;
  };
  at::Tensor attend(const Layer &layer, const at::Tensor &x) const;

  int64_t patch_ = 0;
  bool keep_class_token_ = false;
  Linear patch_embedding_;
  at::Tensor class_embedding_, position_embedding_;
  LayerNorm pre_norm_;
  std::vector<Layer> layers_; // only those that run
};

} // namespace vlm
