// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/vision_model.h"

#include <string>
#include <utility>
#include <vector>

namespace vlm {

/// Collects the intermediate tensors of one run under the reference's names and writes them as
/// float32 safetensors (design: programs compare with the reference through it).
class Dump {
public:
  /// One picture's inputs and features; pictures of a request are joined along the batch.
  void add_picture(const PixelValues &pixels, const VisionFeatures &features);
  void add(const std::string &name, const at::Tensor &tensor);
  void write(const std::string &path) const;

private:
  std::vector<std::pair<std::string, std::vector<at::Tensor>>> tensors_;
};

} // namespace vlm
