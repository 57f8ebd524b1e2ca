// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/dump.h"

#include "model/weights/safetensors.h"

#include <ATen/ops/cat.h>

#include <algorithm>

namespace vlm {

void Dump::add(const std::string &name, const at::Tensor &tensor) {
  auto entry = std::find_if(tensors_.begin(), tensors_.end(),
                            [&](const auto &known) { return known.first == name; });
  if (entry == tensors_.end())
    entry = tensors_.insert(tensors_.end(), {name, {}});
  entry->second.push_back(tensor.to(at::kCPU, at::kFloat));
}

void Dump::add_picture(const PixelValues &pixels, const VisionFeatures &features) {
  add("images", pixels.images);
  add("vision_features", features.vision_features);
  add("mined", features.mined);
  add("visual_tokens", features.visual_tokens);
  if (features.stages.empty())
    return;
  add("images_aux", pixels.images_aux);
  add("vision_aux_features", concat_stages(features.stages));
}

void Dump::write(const std::string &path) const {
  std::vector<std::pair<std::string, at::Tensor>> joined;
  for (const auto &[name, parts] : tensors_)
    joined.emplace_back(name, at::cat(parts, 0));
  write_safetensors(path, joined);
}

} // namespace vlm
