// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/pace.h"
#include "model/generation/sdxl_config.h"
#include "model/vision/clip_layer.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// CLIP's text transformer: CLIPTextModel, or CLIPTextModelWithProjection (mgm-spec 9.2). Const
/// members may be called from any thread.
class ClipTextEncoder {
public:
  /// `scope` holds `text_model` and, with a projection, `text_projection`. Error(Format) naming the
  /// tensor.
  ClipTextEncoder(const Scope &scope, const ClipTextConfig &config);

  struct Features {
    at::Tensor hidden; ///< second-to-last hidden state [B, 77, hidden_size], without a last norm
    at::Tensor pooled; ///< [B, projection_dim]; undefined without projection
  };
  /// ids int64 [B, 77], each row with an end token, the largest id there. Error(Data) for an id
  /// outside the vocabulary. Differentiable. Throws Error(Cancelled) between layers.
  Features operator()(const at::Tensor &ids, const Pace &pace = {}) const;

private:
  at::Tensor embed(const at::Tensor &ids) const;

  ClipTextConfig config_;
  at::Tensor token_embedding_, position_embedding_;
  std::vector<ClipLayer> layers_; // only those that run
  LayerNorm final_norm_;
  Linear projection_;
};

} // namespace vlm
