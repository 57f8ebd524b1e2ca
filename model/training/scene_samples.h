// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/ordered_loader.h"
#include "model/training/sample.h"
#include "model/training/scenes/questions.h"
#include "model/training/tiny_model.h"

namespace vlm {

/// What a stage draws its samples from.
struct SceneSource {
  std::shared_ptr<const scenes::Assets> assets;
  std::shared_ptr<const Tokenizer> tokenizer; ///< null: pictures and labels only
  TinyConfig config;
  scenes::SceneMix mix = scenes::SceneMix::Standard;
  scenes::SceneOptions options;
  int questions = 15; ///< a picture, at most
  uint64_t seed = 1;
};

/// A maker for OrderedLoader: sample `index` depends on the source and the index alone.
OrderedLoader<Sample>::Make scene_samples(const SceneSource &source);

} // namespace vlm
