// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/parameter_store.h"
#include "model/weights/decoder_config.h"
#include "model/weights/vision_config.h"

#include <nlohmann/json_fwd.hpp>

namespace vlm {

/// Sizes of a small MGM model that is trained from nothing.
struct TinyConfig {
  int64_t vit_width = 192, vit_layers = 6, vit_mlp = 768;
  int64_t image_size = 112, patch = 14;
  int64_t image_size_aux = 256;
  std::vector<int64_t> aux_dims = {32, 64, 128, 256};
  std::vector<int64_t> aux_depths = {2, 2, 4, 2};
  int64_t hidden = 256, layers = 4, heads = 4, ffn = 704, vocab = 1280;
  int64_t context = 1024;

  VisionConfig vision() const;
  DecoderConfig decoder() const;
  int64_t tokens() const { return (image_size / patch) * (image_size / patch); }
};

/// config.json of the released layout, and back (the part of it that a trainer needs).
nlohmann::json config_json(const TinyConfig &config);

/// Every tensor of the released layout, freshly drawn from `seed`.
ParameterStore initial_parameters(const TinyConfig &config, uint64_t seed);

/// Which part of a model a tensor belongs to.
bool in_towers(const std::string &name); ///< CLIP and ConvNeXt
bool in_mining(const std::string &name);
bool in_heads(const std::string &name);    ///< dense heads: training only, never exported
bool in_language(const std::string &name); ///< projector and decoder

} // namespace vlm
