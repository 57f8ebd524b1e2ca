// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/ordered_loader.h"
#include "model/training/scenes/painting.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

namespace vlm {

/// What painters learn from, before it is encoded.
struct PromptedPicture {
  at::Tensor picture; ///< float32 [1, 3, S, S], -1 to 1
  std::string prompt;
};

/// Where these come from.
struct PaintingSource {
  std::shared_ptr<const scenes::Assets> assets;
  int64_t image_size = 128;
  uint64_t seed = 1;
  bool held_out = false; ///< of the prompts that training never sees
};

/// A maker for OrderedLoader: picture `index` depends on the source and the index alone.
OrderedLoader<PromptedPicture>::Make prompted_pictures(const PaintingSource &source);

/// The next numbers of `random` as N(0, 1) of `shape`.
at::Tensor drawn_noise(const std::vector<int64_t> &shape, scenes::Random &random);

} // namespace vlm
