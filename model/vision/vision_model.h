// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/clip_vision.h"
#include "model/vision/convnext.h"
#include "model/vision/patch_info_mining.h"
#include "model/vision/preprocess.h"
#include "model/vision/projector.h"
#include "model/vision/vision_seconds.h"

#include <optional>

namespace vlm {

/// Every step from pixels to visual tokens, in the reference's shapes.
struct VisionFeatures {
  at::Tensor vision_features;     ///< [1, N, C]; HD [g*g (+ 1), N, C]: crops, then global
  std::vector<at::Tensor> stages; ///< of the HR tower; empty without one
  at::Tensor mined;               ///< X + E; HD: [1, all, C], global first
  at::Tensor visual_tokens;       ///< projector's output [1, all, H]
  VisionSeconds seconds;
};

/// Both towers, mining and projector of one MGM checkpoint. Const members may be called from any
/// thread.
class VisionModel {
public:
  /// `scope`: the checkpoint's "model." prefix: vision_tower.vision_tower.vision_model.*,
  /// vision_tower_aux.vision_{stem,stages}.*, vlm_uni_*, mm_projector.*. `llm_hidden`: projector's
  /// output width. Without `config.image_size_aux` there is no HR tower and X is projected alone.
  VisionModel(const Scope &scope, const VisionConfig &config, int64_t llm_hidden);

  const VisionConfig &config() const { return config_; }
  const ClipVisionTower &vision_tower() const { return vision_tower_; }
  const std::optional<ConvNextTower> &vision_tower_aux() const { return vision_tower_aux_; }
  const std::optional<PatchInfoMining> &mining() const { return mining_; }
  const Projector &projector() const { return projector_; }
  /// Visual tokens a picture takes in the prompt.
  int64_t tokens_per_image() const;

  /// One picture. (Without HD any number: all tensors then have that many in place of 1.)
  VisionFeatures operator()(const PixelValues &pixels, const Pace &pace = {}) const;

private:
  at::Tensor mine(const at::Tensor &x, const std::vector<at::Tensor> &stages) const;

  VisionConfig config_;
  ClipVisionTower vision_tower_;
  std::optional<ConvNextTower> vision_tower_aux_;
  std::optional<PatchInfoMining> mining_;
  Projector projector_;
};

} // namespace vlm
