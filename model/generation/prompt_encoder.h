// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/clip_text.h"
#include "model/text/clip_tokenizer.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace vlm {

/// SDXL's two tokenizers and text encoders: a prompt as the UNet reads it (mgm-spec 9.2). For one
/// thread at a time.
class PromptEncoder {
public:
  /// `directory`: the pipeline's, with tokenizer/, tokenizer_2/, text_encoder/ and text_encoder_2/.
  /// Reads tokenizers and configurations; the encoders' weights with load(). Errors name the file.
  explicit PromptEncoder(const std::string &directory);

  /// Ids of one text for both encoders.
  struct Tokens {
    std::array<ClipTokenizer::Encoded, 2> of;
  };
  Tokens tokenize(const std::string &text) const;

  /// Reads both encoders' weights, unless they are there.
  void load(at::ScalarType matrix_dtype, const Pace &pace = {});
  void unload();

  struct Embeddings {
    at::Tensor prompt; ///< [B, 77, both widths together]
    at::Tensor pooled; ///< [B, the second one's projection]
  };
  /// Of several texts; the encoders must be loaded.
  Embeddings encode(const std::vector<Tokens> &texts, const Pace &pace = {}) const;

  int64_t width() const { return configs_[0].hidden_size + configs_[1].hidden_size; }
  int64_t pooled_width() const { return configs_[1].projection_dim; }

private:
  std::string directory_;
  std::array<ClipTokenizer, 2> tokenizers_;
  std::array<ClipTextConfig, 2> configs_;
  std::array<std::unique_ptr<const ClipTextEncoder>, 2> encoders_;
};

} // namespace vlm
