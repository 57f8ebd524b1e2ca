// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/tiny_model.h"

#include "model/training/initializer.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <numeric>

namespace vlm {
namespace {

constexpr double kPositionScale = .4; // that of the patch features: tokens must know where they are

void add_clip(Initializer &init, const TinyConfig &c) {
  const std::string root = "model.vision_tower.vision_tower.vision_model.";
  const double residual = 1 / std::sqrt(2.0 * static_cast<double>(c.vit_layers));
  init.normal(root + "embeddings.class_embedding", {c.vit_width}, kPositionScale);
  init.convolution(root + "embeddings.patch_embedding", 3, c.vit_width, c.patch, false);
  init.normal(root + "embeddings.position_embedding.weight", {c.tokens() + 1, c.vit_width},
              kPositionScale);
  init.norm(root + "pre_layrnorm", c.vit_width);
  for (int64_t i = 0; i < c.vit_layers; ++i) {
    const std::string layer = root + "encoder.layers." + std::to_string(i) + ".";
    for (const char *name : {"q_proj", "k_proj", "v_proj"})
      init.linear(layer + "self_attn." + name, c.vit_width, c.vit_width, true);
    init.linear(layer + "self_attn.out_proj", c.vit_width, c.vit_width, true, residual);
    init.norm(layer + "layer_norm1", c.vit_width);
    init.norm(layer + "layer_norm2", c.vit_width);
    init.linear(layer + "mlp.fc1", c.vit_width, c.vit_mlp, true);
    init.linear(layer + "mlp.fc2", c.vit_mlp, c.vit_width, true, residual);
  }
}

void add_block(Initializer &init, const std::string &block, int64_t width, double residual) {
  init.normal(block + "conv_dw.weight", {width, 1, 7, 7}, 1.0 / 7);
  init.constant(block + "conv_dw.bias", width, 0);
  init.norm(block + "norm", width);
  init.linear(block + "mlp.fc1", width, 4 * width, true);
  init.linear(block + "mlp.fc2", 4 * width, width, true, residual);
  init.constant(block + "gamma", width, 1);
}

void add_convnext(Initializer &init, const TinyConfig &c) {
  const std::string root = "model.vision_tower_aux.";
  const double blocks =
      static_cast<double>(std::accumulate(c.aux_depths.begin(), c.aux_depths.end(), int64_t{0}));
  init.convolution(root + "vision_stem.0", 3, c.aux_dims[0], 4, true);
  init.norm(root + "vision_stem.1", c.aux_dims[0]);
  for (size_t i = 0; i < c.aux_dims.size(); ++i) {
    const std::string stage = root + "vision_stages." + std::to_string(i) + ".";
    if (i > 0) {
      init.norm(stage + "downsample.0", c.aux_dims[i - 1]);
      init.convolution(stage + "downsample.1", c.aux_dims[i - 1], c.aux_dims[i], 2, true);
    }
    for (int64_t j = 0; j < c.aux_depths[i]; ++j)
      add_block(init, stage + "blocks." + std::to_string(j) + ".", c.aux_dims[i],
                1 / std::sqrt(blocks));
  }
}

void add_mining(Initializer &init, const TinyConfig &c) {
  const int64_t aux = std::accumulate(c.aux_dims.begin(), c.aux_dims.end(), int64_t{0});
  const auto add = [&](const std::string &name, int64_t in) {
    init.norm("model.vlm_uni_" + name + "_projector.0", in);
    init.linear("model.vlm_uni_" + name + "_projector.1", in, c.vit_width, true);
  };
  add("query", c.vit_width);
  add("aux", aux);
  add("val", aux);
}

void add_language(Initializer &init, const TinyConfig &c) {
  const double residual = 1 / std::sqrt(2.0 * static_cast<double>(c.layers));
  init.linear("model.mm_projector.0", c.vit_width, c.hidden, true);
  init.linear("model.mm_projector.2", c.hidden, c.hidden, true);
  init.normal("model.embed_tokens.weight", {c.vocab, c.hidden}, .1);
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    init.constant(layer + "input_layernorm.weight", c.hidden, 1);
    init.constant(layer + "post_attention_layernorm.weight", c.hidden, 1);
    for (const char *name : {"q_proj", "k_proj", "v_proj"})
      init.linear(layer + "self_attn." + name, c.hidden, c.hidden, false);
    init.linear(layer + "self_attn.o_proj", c.hidden, c.hidden, false, residual);
    init.linear(layer + "mlp.gate_proj", c.hidden, c.ffn, false);
    init.linear(layer + "mlp.up_proj", c.hidden, c.ffn, false);
    init.linear(layer + "mlp.down_proj", c.ffn, c.hidden, false, residual);
  }
  init.constant("model.norm.weight", c.hidden, 1);
  init.normal("lm_head.weight", {c.vocab, c.hidden}, .02);
}

bool starts(const std::string &name, const char *prefix) { return name.rfind(prefix, 0) == 0; }

} // namespace

VisionConfig TinyConfig::vision() const {
  VisionConfig out;
  out.image_size_aux = image_size_aux;
  out.select_layer = -1;
  return out;
}

DecoderConfig TinyConfig::decoder() const {
  DecoderConfig out;
  out.hidden_size = hidden;
  out.intermediate_size = ffn;
  out.num_hidden_layers = layers;
  out.num_attention_heads = out.num_key_value_heads = heads;
  out.head_dim = hidden / heads;
  out.vocab_size = vocab;
  out.max_position_embeddings = context;
  return out;
}

nlohmann::json config_json(const TinyConfig &config) {
  const DecoderConfig decoder = config.decoder();
  const int64_t aux = std::accumulate(config.aux_dims.begin(), config.aux_dims.end(), int64_t{0});
  return {{"architectures", {"MGMLlamaForCausalLM"}},
          {"model_type", "mgm"},
          {"torch_dtype", "bfloat16"},
          {"hidden_act", "silu"},
          {"hidden_size", decoder.hidden_size},
          {"intermediate_size", decoder.intermediate_size},
          {"num_hidden_layers", decoder.num_hidden_layers},
          {"num_attention_heads", decoder.num_attention_heads},
          {"num_key_value_heads", decoder.num_key_value_heads},
          {"vocab_size", decoder.vocab_size},
          {"max_position_embeddings", decoder.max_position_embeddings},
          {"rms_norm_eps", decoder.rms_norm_eps},
          {"rope_theta", decoder.rope_theta},
          {"tie_word_embeddings", false},
          {"bos_token_id", 1},
          {"eos_token_id", 2},
          {"pad_token_id", 0},
          {"conversation_template", "vlm_tiny"},
          {"mm_vision_tower", "vision_tower"},
          {"mm_vision_tower_aux", "vision_tower_aux"},
          {"mm_hidden_size", config.vit_width},
          {"mm_hidden_size_aux", aux},
          {"mm_projector_type", "mlp2x_gelu"},
          {"mm_vision_select_layer", -1},
          {"mm_vision_select_feature", "patch"},
          {"mm_use_im_start_end", false},
          {"mm_use_im_patch_token", false},
          {"image_size_aux", config.image_size_aux},
          {"image_grid", 1},
          {"image_global", false},
          {"image_aspect_ratio", "pad"},
          {"optimize_vision_tower", false},
          {"optimize_vision_tower_aux", false},
          {"tokenizer_model_max_length", decoder.max_position_embeddings},
          {"tokenizer_padding_side", "right"}};
}

ParameterStore initial_parameters(const TinyConfig &config, uint64_t seed) {
  ParameterStore store;
  Initializer init(store, seed);
  add_clip(init, config);
  add_convnext(init, config);
  add_mining(init, config);
  add_language(init, config);
  return store;
}

bool in_towers(const std::string &name) { return starts(name, "model.vision_tower"); }
bool in_mining(const std::string &name) { return starts(name, "model.vlm_uni_"); }
bool in_heads(const std::string &name) { return starts(name, "heads."); }
bool in_language(const std::string &name) {
  return !in_towers(name) && !in_mining(name) && !in_heads(name);
}

} // namespace vlm
