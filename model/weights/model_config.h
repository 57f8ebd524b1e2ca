// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/decoder_config.h"
#include "model/weights/state_dict.h"
#include "model/weights/vision_config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

enum class Family { Gemma, Llama, Mixtral };

/// "gemma", "llama", "mixtral".
const char *family_name(Family family);

/// What the JSON files of a checkpoint directory say about the model (mgm-spec section 7).
struct ModelConfig {
  Family family = Family::Llama;
  DecoderConfig decoder;
  VisionConfig vision;
  bool has_vision = false;                ///< the weights hold a vision tower or a projector
  int64_t tokenizer_model_max_length = 0; ///< positions a prompt with pictures is cut to
  std::vector<int64_t> stop_ids;          ///< sorted, at least one
  std::string conversation_template;      ///< empty: to be found from family and vocabulary
  Quantization quantization = Quantization::None; ///< as the checkpoint holds its linear layers
};

/// Reads config.json, and generation_config.json and tokenizer_config.json where they exist. What
/// decides is `architectures` and the tensors, never a directory's name.
/// - Gemma's activation: `hidden_activation` if given; otherwise what transformers of the file's
///   `transformers_version` does with `hidden_act` "gelu": exact up to 4.38 (and when the version
///   is missing), tanh from 4.39 on.
/// - Stop ids: the tokenizer's end token, config.json's `eos_token_id` when the tokenizer's files
/// do
///   not tell its id; `<|eot_id|>` where the tokenizer has it; the list in generation_config.json
///   if that end token is on it (Yi's is not: its file names another).
/// Error(Format) naming file and key for missing, mistyped, absurd or contradicting values;
/// Error(Unsupported) for an unknown architecture or a feature that no released model uses.
ModelConfig read_model_config(const std::string &directory, const StateDict &weights);

/// What config.json alone tells of that: Error(NotFound | Unreadable | Format), and
/// Error(Unsupported) for an unknown architecture.
void check_architecture(const std::string &directory);

/// What `quantization_config` in config.json says (weights/README.md has its keys): None without
/// one. Error(Unsupported) for another program's.
Quantization read_quantization(const std::string &directory);

} // namespace vlm
