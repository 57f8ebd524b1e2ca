// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace vlm {

enum class Activation { Silu, GeluErf, GeluTanh };

/// Hyper-parameters of a decoder-only language model; names as in Hugging Face's configurations.
struct DecoderConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000;
  Activation hidden_act = Activation::Silu;
  bool norm_unit_offset = false;    ///< Gemma: norms multiply by 1 + weight
  bool scale_embeddings = false;    ///< Gemma: inputs times sqrt(hidden_size)
  bool tie_word_embeddings = false; ///< lm_head.weight may be absent
  int64_t num_local_experts = 1;    ///< Mixtral: 8
  int64_t num_experts_per_tok = 1;  ///< Mixtral: 2
};

} // namespace vlm
