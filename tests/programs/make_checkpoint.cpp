// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes a checkpoint of a released model's real shapes with random bfloat16 weights, to measure
// load time, memory and speed. Its answers mean nothing.
#include "model/core/error.h"
#include "model/weights/safetensors.h"
#include "tests/support/random_values.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace vlm {
namespace {

using nlohmann::json;
using Shape = std::vector<int64_t>;
struct TensorSpec {
  std::string name;
  Shape shape;
};

struct Language {
  const char *architecture;
  int64_t hidden, layers, heads, kv_heads, head_dim, ffn, vocab;
  double rope_theta, eps;
  const char *activation;
  bool tied;
};

const std::map<std::string, Language> models = {
    {"MGM-2B",
     {"MiniGeminiGemmaForCausalLM", 2048, 18, 8, 1, 256, 16384, 256000, 10000, 1e-6, "gelu", true}},
    {"MGM-7B",
     {"MiniGeminiLlamaForCausalLM", 4096, 32, 32, 32, 128, 11008, 32000, 10000, 1e-5, "silu",
      false}},
};

class Names {
public:
  std::vector<TensorSpec> all;
  void add(const std::string &name, Shape shape) { all.push_back({name, std::move(shape)}); }
  void linear(const std::string &name, int64_t in, int64_t out) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }
  void norm(const std::string &name, int64_t size) {
    add(name + ".weight", {size});
    add(name + ".bias", {size});
  }
};

void add_clip(Names &names) {
  const std::string root = "model.vision_tower.vision_tower.vision_model.";
  names.add(root + "embeddings.class_embedding", {1024});
  names.add(root + "embeddings.patch_embedding.weight", {1024, 3, 14, 14});
  names.add(root + "embeddings.position_embedding.weight", {577, 1024});
  names.norm(root + "pre_layrnorm", 1024);
  names.norm(root + "post_layernorm", 1024);
  for (int i = 0; i < 24; ++i) {
    const std::string layer = root + "encoder.layers." + std::to_string(i) + ".";
    for (const char *part : {"q_proj", "k_proj", "v_proj", "out_proj"})
      names.linear(layer + "self_attn." + part, 1024, 1024);
    names.norm(layer + "layer_norm1", 1024);
    names.norm(layer + "layer_norm2", 1024);
    names.linear(layer + "mlp.fc1", 1024, 4096);
    names.linear(layer + "mlp.fc2", 4096, 1024);
  }
}

void add_convnext(Names &names) {
  const std::string root = "model.vision_tower_aux.";
  const int64_t dims[] = {192, 384, 768, 1536};
  const int depths[] = {3, 3, 27, 3};
  names.add(root + "vision_stem.0.weight", {192, 3, 4, 4});
  names.add(root + "vision_stem.0.bias", {192});
  names.norm(root + "vision_stem.1", 192);
  for (int i = 0; i < 4; ++i) {
    const std::string stage = root + "vision_stages." + std::to_string(i) + ".";
    if (i > 0) {
      names.norm(stage + "downsample.0", dims[i - 1]);
      names.add(stage + "downsample.1.weight", {dims[i], dims[i - 1], 2, 2});
      names.add(stage + "downsample.1.bias", {dims[i]});
    }
    for (int j = 0; j < depths[i]; ++j) {
      const std::string block = stage + "blocks." + std::to_string(j) + ".";
      names.add(block + "conv_dw.weight", {dims[i], 1, 7, 7});
      names.add(block + "conv_dw.bias", {dims[i]});
      names.norm(block + "norm", dims[i]);
      names.linear(block + "mlp.fc1", dims[i], 4 * dims[i]);
      names.linear(block + "mlp.fc2", 4 * dims[i], dims[i]);
      names.add(block + "gamma", {dims[i]});
    }
  }
}

void add_mining(Names &names, int64_t hidden) {
  for (const auto &[part, width] :
       std::map<std::string, int64_t>{{"query", 1024}, {"aux", 2880}, {"val", 2880}}) {
    names.norm("model.vlm_uni_" + part + "_projector.0", width);
    names.linear("model.vlm_uni_" + part + "_projector.1", width, 1024);
  }
  names.linear("model.mm_projector.0", 1024, hidden);
  names.linear("model.mm_projector.2", hidden, hidden);
}

void add_decoder(Names &names, const Language &l) {
  names.add("model.embed_tokens.weight", {l.vocab, l.hidden});
  for (int64_t i = 0; i < l.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    names.add(layer + "input_layernorm.weight", {l.hidden});
    names.add(layer + "post_attention_layernorm.weight", {l.hidden});
    names.add(layer + "self_attn.q_proj.weight", {l.heads * l.head_dim, l.hidden});
    names.add(layer + "self_attn.k_proj.weight", {l.kv_heads * l.head_dim, l.hidden});
    names.add(layer + "self_attn.v_proj.weight", {l.kv_heads * l.head_dim, l.hidden});
    names.add(layer + "self_attn.o_proj.weight", {l.hidden, l.heads * l.head_dim});
    names.add(layer + "mlp.gate_proj.weight", {l.ffn, l.hidden});
    names.add(layer + "mlp.up_proj.weight", {l.ffn, l.hidden});
    names.add(layer + "mlp.down_proj.weight", {l.hidden, l.ffn});
  }
  names.add("model.norm.weight", {l.hidden});
  names.add("lm_head.weight", {l.vocab, l.hidden});
}

json config_of(const Language &l) {
  return {{"architectures", {l.architecture}},
          {"hidden_size", l.hidden},
          {"intermediate_size", l.ffn},
          {"num_hidden_layers", l.layers},
          {"num_attention_heads", l.heads},
          {"num_key_value_heads", l.kv_heads},
          {"head_dim", l.head_dim},
          {"vocab_size", l.vocab},
          {"max_position_embeddings", 4096},
          {"rope_theta", l.rope_theta},
          {"rms_norm_eps", l.eps},
          {"hidden_act", l.activation},
          {"tie_word_embeddings", l.tied},
          {"bos_token_id", l.tied ? 2 : 1},
          {"eos_token_id", l.tied ? 1 : 2},
          {"image_aspect_ratio", "pad"},
          {"image_grid", 1},
          {"image_global", false},
          {"image_size_aux", 768},
          {"mm_hidden_size", 1024},
          {"mm_hidden_size_aux", 2880},
          {"mm_projector_type", "mlp2x_gelu"},
          {"mm_use_im_patch_token", false},
          {"mm_use_im_start_end", false},
          {"mm_vision_select_feature", "patch"},
          {"mm_vision_select_layer", -2},
          {"tokenizer_model_max_length", 2048},
          {"transformers_version", "4.38.2"},
          {"torch_dtype", "bfloat16"}};
}

void write_shards(const std::filesystem::path &directory, const std::vector<TensorSpec> &specs) {
  constexpr int64_t kShardBytes = int64_t{2} << 30;
  test::RandomValues values;
  json map = json::object();
  std::vector<std::pair<std::string, at::Tensor>> shard;
  int64_t bytes = 0;
  int number = 0;
  const auto flush = [&] {
    const std::string file = "model-" + std::to_string(++number) + ".safetensors";
    for (const auto &entry : shard)
      map[entry.first] = file;
    write_safetensors(directory / file, shard);
    shard.clear();
    bytes = 0;
  };
  for (const TensorSpec &spec : specs) {
    shard.emplace_back(spec.name, values.make(spec.shape));
    bytes += shard.back().second.numel() * 2;
    if (bytes > kShardBytes)
      flush();
  }
  flush();
  std::ofstream(directory / "model.safetensors.index.json") << json{{"weight_map", map}}.dump(1);
}

int run(const std::string &model, const std::filesystem::path &directory,
        const std::filesystem::path &tokenizer) {
  const auto found = models.find(model);
  if (found == models.end())
    fail(ErrorCategory::Settings, "unknown model ", model, ": use MGM-2B or MGM-7B");
  std::filesystem::create_directories(directory);
  for (const char *file : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json"})
    if (std::filesystem::exists(tokenizer / file))
      std::filesystem::copy_file(tokenizer / file, directory / file,
                                 std::filesystem::copy_options::overwrite_existing);
  std::ofstream(directory / "config.json") << config_of(found->second).dump(1);
  Names names;
  add_decoder(names, found->second);
  add_clip(names);
  add_convnext(names);
  add_mining(names, found->second.hidden);
  write_shards(directory, names.all);
  return 0;
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: make-checkpoint MGM-2B|MGM-7B OUT_DIR TOKENIZER_DIR\n"
                 "TOKENIZER_DIR: a checkpoint of the same family whose tokenizer is copied,\n"
                 "for example tests/data/gemma/model or tests/data/vicuna/model\n";
    return 2;
  }
  try {
    return vlm::run(argv[1], argv[2], argv[3]);
  } catch (const std::exception &error) {
    std::cerr << "make-checkpoint: " << error.what() << "\n";
    return 1;
  }
}
