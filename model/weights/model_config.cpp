// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/model_config.h"

#include "model/core/error.h"
#include "model/core/json_keys.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <limits>
#include <optional>

namespace vlm {
namespace {

using nlohmann::json;
using Keys = JsonKeys;

constexpr int64_t max_id = int64_t{1} << 22;
constexpr int64_t max_positions = int64_t{1} << 24;

std::optional<Keys> read_if_there(const std::string &path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return {};
  return Keys(path);
}

std::string architecture_name(const Keys &config) {
  const json *names = config.find("architectures");
  if (!names || !names->is_array() || names->size() != 1 || !(*names)[0].is_string())
    config.wrong("architectures", "is not a list of one name");
  return (*names)[0].get<std::string>();
}

Family named_family(const Keys &config) {
  const std::string name = architecture_name(config);
  for (const std::string prefix : {"MGM", "MiniGemini"}) {
    if (name == prefix + "LlamaForCausalLM")
      return Family::Llama;
    if (name == prefix + "GemmaForCausalLM")
      return Family::Gemma;
    if (name == prefix + "MixtralForCausalLM")
      return Family::Mixtral;
  }
  config.unsupported("architectures", json(name).dump());
}

Family read_family(const Keys &config, const StateDict &weights) {
  const Family family = named_family(config);
  const bool experts = weights.contains("model.layers.0.block_sparse_moe.gate.weight");
  if (experts != (family == Family::Mixtral))
    config.wrong("architectures", "is ", architecture_name(config), ", but the tensors are ",
                 experts ? "" : "not ",
                 "those of a mixture of experts (model.layers.0.block_sparse_moe)");
  return family;
}

std::optional<Activation> activation(const std::string &name) {
  if (name == "silu" || name == "swish")
    return Activation::Silu;
  if (name == "gelu")
    return Activation::GeluErf;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new")
    return Activation::GeluTanh;
  return {};
}

/// Whether the file was written by transformers 4.39 or later.
bool since_4_39(const Keys &config) {
  int major = 0, minor = 0;
  return std::sscanf(config.text("transformers_version", "").c_str(), "%d.%d", &major, &minor) ==
             2 &&
         (major > 4 || (major == 4 && minor >= 39));
}

Activation read_activation(const Keys &config, Family family) {
  const char *key = family == Family::Gemma && config.find("hidden_activation")
                        ? "hidden_activation"
                        : "hidden_act";
  const std::string name = config.text(key, family == Family::Gemma ? "gelu" : "silu");
  const std::optional<Activation> found = activation(name);
  if (!found)
    config.unsupported(key, name);
  const bool by_version = family == Family::Gemma && std::string(key) == "hidden_act";
  return by_version && since_4_39(config) ? Activation::GeluTanh : *found;
}

/// Width of one attention head: stated, or read off the first layer's queries.
int64_t read_head_dim(const Keys &config, const DecoderConfig &decoder, const StateDict &weights) {
  if (config.find("head_dim"))
    return config.integer("head_dim", 2, 4096);
  const std::string queries = "model.layers.0.self_attn.q_proj.weight";
  const std::vector<int64_t> shape =
      weights.contains(queries) ? weights.shape(queries) : std::vector<int64_t>{};
  const int64_t width = shape.empty() ? decoder.hidden_size : shape[0];
  if (width < decoder.num_attention_heads || width % decoder.num_attention_heads != 0)
    config.wrong("num_attention_heads", "is ", decoder.num_attention_heads,
                 ", which does not divide the attention's width ", width);
  return width / decoder.num_attention_heads;
}

void refuse_unknown_features(const Keys &config) {
  for (const char *key : {"rope_scaling", "sliding_window"})
    if (const json *value = config.find(key))
      config.unsupported(key, value->dump());
  for (const char *key : {"attention_bias", "mlp_bias", "mm_use_im_start_end"})
    if (config.flag(key, false))
      config.unsupported(key, "true");
}

DecoderConfig read_decoder(const Keys &config, Family family, const StateDict &weights) {
  refuse_unknown_features(config);
  DecoderConfig out;
  out.hidden_size = config.integer("hidden_size", 1, 1 << 17);
  out.intermediate_size = config.integer("intermediate_size", 1, 1 << 20);
  out.num_hidden_layers = config.integer("num_hidden_layers", 1, 1024);
  out.num_attention_heads = config.integer("num_attention_heads", 1, 1024);
  out.num_key_value_heads =
      config.integer("num_key_value_heads", 1, out.num_attention_heads, out.num_attention_heads);
  if (out.num_attention_heads % out.num_key_value_heads != 0)
    config.wrong("num_key_value_heads", "is ", out.num_key_value_heads, ", which does not divide ",
                 out.num_attention_heads, " attention heads");
  out.head_dim = read_head_dim(config, out, weights);
  if (out.head_dim % 2 != 0)
    config.wrong("head_dim", "is ", out.head_dim, ", rotary embeddings need an even number");
  out.vocab_size = config.integer("vocab_size", 1, max_id);
  out.max_position_embeddings = config.integer("max_position_embeddings", 1, max_positions);
  out.rms_norm_eps = config.positive("rms_norm_eps", 1, family == Family::Mixtral ? 1e-5 : 1e-6);
  out.rope_theta = config.positive("rope_theta", 1e12, family == Family::Mixtral ? 1e6 : 1e4);
  out.hidden_act = read_activation(config, family);
  out.norm_unit_offset = out.scale_embeddings = family == Family::Gemma;
  out.tie_word_embeddings = config.flag("tie_word_embeddings", family == Family::Gemma);
  if (family == Family::Mixtral) {
    out.num_local_experts = config.integer("num_local_experts", 1, 1024, 8);
    out.num_experts_per_tok = config.integer("num_experts_per_tok", 1, out.num_local_experts, 2);
  }
  return out;
}

VisionConfig read_vision(const Keys &config) {
  VisionConfig out;
  out.image_size_aux = config.integer("image_size_aux", 0, 8192, 0);
  out.image_grid = config.integer("image_grid", 1, 8, 1);
  out.image_global = config.flag("image_global", false);
  if (out.image_global && out.image_grid == 1)
    config.wrong("image_global", "is true, but image_grid is 1");
  out.pad_to_square = config.text("image_aspect_ratio", "") == "pad";
  out.select_layer = config.integer("mm_vision_select_layer", -1024, 1024, -2);
  const std::string feature = config.text("mm_vision_select_feature", "patch");
  if (feature != "patch" && feature != "cls_patch")
    config.unsupported("mm_vision_select_feature", feature);
  out.keep_class_token = feature == "cls_patch";
  out.projector_type = config.text("mm_projector_type", "linear");
  return out;
}

/// Any part will do: what else is missing is then missed by name.
bool has_vision(const StateDict &weights) {
  const std::vector<std::string> names = weights.names();
  return std::any_of(names.begin(), names.end(), [](const std::string &name) {
    return name.rfind("model.vision_tower", 0) == 0 || name.rfind("model.mm_projector.", 0) == 0;
  });
}

/// Weights that were packed need their configuration to be known as such.
void check_unpacked(const std::string &directory, const StateDict &weights) {
  for (const std::string &name : weights.names())
    if (name.find(".qweight") != std::string::npos)
      fail(ErrorCategory::Format, directory, "/config.json: has no quantization_config, but ", name,
           " is a quantised matrix");
}

/// Ids in `eos_token_id`: one number or a list.
std::vector<int64_t> read_ids(const Keys &config) {
  constexpr const char *key = "eos_token_id";
  const json *value = config.find(key);
  std::vector<int64_t> out;
  if (value && value->is_array())
    for (const json &id : *value)
      out.push_back(config.checked(key, id, 0, max_id));
  else if (value)
    out.push_back(config.checked(key, *value, 0, max_id));
  return out;
}

/// Id of an added token in tokenizer_config.json.
std::optional<int64_t> added_token(const Keys &tokenizer, const std::string &content) {
  const json *tokens = tokenizer.find("added_tokens_decoder");
  if (!tokens || content.empty())
    return {};
  if (!tokens->is_object())
    tokenizer.wrong("added_tokens_decoder", "is not an object");
  for (const auto &[id, token] : tokens->items()) {
    if (!token.is_object() || !token.contains("content") || token["content"] != content)
      continue;
    if (id.empty() || id.size() > 7 || !std::all_of(id.begin(), id.end(), ::isdigit))
      tokenizer.wrong("added_tokens_decoder", "has the id \"", id, "\"");
    return std::stoll(id);
  }
  return {};
}

/// The end token's text: a string, or an object with its `content`.
std::string end_token(const Keys &tokenizer) {
  const json *value = tokenizer.find("eos_token");
  if (!value)
    return {};
  if (value->is_object() && value->contains("content"))
    value = &(*value)["content"];
  if (!value->is_string())
    tokenizer.wrong("eos_token", "is not a string");
  return value->get<std::string>();
}

std::vector<int64_t> read_stop_ids(const Keys &config, const std::optional<Keys> &generation,
                                   const std::optional<Keys> &tokenizer, int64_t vocab_size) {
  std::vector<int64_t> ids = read_ids(config);
  if (tokenizer) {
    if (const auto end = added_token(*tokenizer, end_token(*tokenizer)))
      ids = {*end};
    if (const auto turn = added_token(*tokenizer, "<|eot_id|>"))
      ids.push_back(*turn);
  }
  if (ids.empty())
    config.wrong("eos_token_id", "is missing");
  if (generation) {
    const std::vector<int64_t> more = read_ids(*generation);
    if (std::count(more.begin(), more.end(), ids[0]))
      std::copy(more.begin(), more.end(), std::back_inserter(ids));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.back() >= vocab_size)
    config.wrong("vocab_size", "is ", vocab_size, ", but the model stops on token ", ids.back());
  return ids;
}

int64_t read_max_length(const Keys &config, const std::optional<Keys> &tokenizer,
                        int64_t positions) {
  if (config.find("tokenizer_model_max_length"))
    return config.integer("tokenizer_model_max_length", 1, max_positions);
  // Hugging Face writes 1e30 there for "no limit".
  const json *length = tokenizer ? tokenizer->find("model_max_length") : nullptr;
  if (length && length->is_number_unsigned() && length->get<uint64_t>() > 0)
    return static_cast<int64_t>(
        std::min(length->get<uint64_t>(), static_cast<uint64_t>(positions)));
  return positions;
}

/// "int8" or "int4", as this program's own files have it.
Quantization read_quantization(const Keys &config) {
  constexpr const char *key = "quantization_config";
  const json *value = config.find(key);
  if (!value)
    return Quantization::None;
  if (!value->is_object())
    config.wrong(key, "is not an object");
  const std::string method = value->value("quant_method", json()).dump();
  if (method != "\"gst-vlm\"")
    config.unsupported("quantization_config.quant_method", method);
  if (value->value("format", json()) != 1)
    config.unsupported("quantization_config.format", value->value("format", json()).dump());
  const json precision = value->value("precision", json());
  if (precision != "int8" && precision != "int4")
    config.wrong("quantization_config.precision", "is ", precision.dump(),
                 ", must be int8 or int4");
  return precision == "int8" ? Quantization::Int8 : Quantization::Int4;
}

} // namespace

const char *family_name(Family family) {
  switch (family) {
  case Family::Gemma:
    return "gemma";
  case Family::Mixtral:
    return "mixtral";
  default:
    return "llama";
  }
}

void check_architecture(const std::string &directory) {
  named_family(Keys(directory + "/config.json"));
}

Quantization read_quantization(const std::string &directory) {
  return read_quantization(Keys(directory + "/config.json"));
}

ModelConfig read_model_config(const std::string &directory, const StateDict &weights) {
  const Keys config(directory + "/config.json");
  const std::optional<Keys> generation = read_if_there(directory + "/generation_config.json");
  const std::optional<Keys> tokenizer = read_if_there(directory + "/tokenizer_config.json");
  ModelConfig out;
  out.family = read_family(config, weights);
  out.decoder = read_decoder(config, out.family, weights);
  out.vision = read_vision(config);
  out.has_vision = has_vision(weights);
  out.tokenizer_model_max_length =
      read_max_length(config, tokenizer, out.decoder.max_position_embeddings);
  out.stop_ids = read_stop_ids(config, generation, tokenizer, out.decoder.vocab_size);
  out.conversation_template = config.text("conversation_template", "");
  out.quantization = read_quantization(config);
  if (out.quantization == Quantization::None)
    check_unpacked(directory, weights);
  return out;
}

} // namespace vlm
