// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/shards.h"
#include "model/weights/state_dict.h"

#include <string>

namespace vlm {

/// The weights in one folder of a diffusers pipeline ("unet", "text_encoder"): one safetensors
/// file or shards, mapped. Headers are checked at once; values are read by load().
class ModelFolder : public StateDict {
public:
  /// Opens the first of diffusion_pytorch_model.safetensors, model.safetensors and the same two in
  /// the variant "fp16"; instead of each, the shards that its index names
  /// (model.safetensors.index.json, .index.fp16.json). Error(NotFound | Unreadable | Format |
  /// Unsupported) naming folder or file.
  explicit ModelFolder(const std::string &directory);

  const std::string &directory() const { return directory_; }

  bool contains(const std::string &name) const override;
  std::vector<std::string> names() const override;
  std::vector<int64_t> shape(const std::string &name) const override;
  /// Accepts stored float32, float16 and bfloat16, also mixed; anything else is Error(Format).
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override;
  std::string origin(const std::string &name) const override;

private:
  const TensorFile &file_of(const std::string &name) const;

  std::string directory_;
  Shards shards_;
};

} // namespace vlm
