// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_shapes.h"

#include "model/core/error.h"
#include "model/core/mapped_file.h"
#include "model/core/progress_bar.h"
#include "model/core/user_folders.h"
#include "model/engine/model.h"
#include "model/weights/random_values.h"
#include "model/weights/safetensors.h"
#include "pipelines/programs/bench_sdxl.h"
#include "pipelines/programs/sdxl_shapes.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <numeric>

namespace vlm {
namespace {

namespace fs = std::filesystem;
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
  int64_t bos, eos;
  bool tied = false;
  int64_t experts = 0;
};

// Of the released config.json files.
const std::map<std::string, Language> kLanguages = {
    {"MGM-2B",
     {"MiniGeminiGemmaForCausalLM", 2048, 18, 8, 1, 256, 16384, 256000, 1e4, 1e-6, "gelu", 2, 1,
      true}},
    {"MGM-7B",
     {"MiniGeminiLlamaForCausalLM", 4096, 32, 32, 32, 128, 11008, 32000, 1e4, 1e-5, "silu", 1, 2}},
    {"MGM-13B",
     {"MiniGeminiLlamaForCausalLM", 5120, 40, 40, 40, 128, 13824, 32000, 1e4, 1e-5, "silu", 1, 2}},
    {"MGM-8B",
     {"MGMLlamaForCausalLM", 4096, 32, 32, 8, 128, 14336, 128256, 5e5, 1e-5, "silu", 128000,
      128001}},
    {"MGM-8x7B",
     {"MiniGeminiMixtralForCausalLM", 4096, 32, 32, 8, 128, 14336, 32000, 1e6, 1e-5, "silu", 1, 2,
      false, 8}},
    {"MGM-34B",
     {"MiniGeminiLlamaForCausalLM", 7168, 60, 56, 8, 128, 20480, 64000, 5e6, 1e-5, "silu", 1, 7}},
};
constexpr const char *kHd = "-HD"; // all but the smallest have one

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

void add_feed_forward(Names &names, const std::string &layer, const Language &l) {
  const auto add = [&](const std::string &block, const char *gate, const char *up,
                       const char *down) {
    names.add(block + gate + ".weight", {l.ffn, l.hidden});
    names.add(block + up + ".weight", {l.ffn, l.hidden});
    names.add(block + down + ".weight", {l.hidden, l.ffn});
  };
  if (l.experts == 0)
    return add(layer + "mlp.", "gate_proj", "up_proj", "down_proj");
  const std::string block = layer + "block_sparse_moe.";
  names.add(block + "gate.weight", {l.experts, l.hidden});
  for (int64_t i = 0; i < l.experts; ++i)
    add(block + "experts." + std::to_string(i) + ".", "w1", "w3", "w2");
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
    add_feed_forward(names, layer, l);
  }
  names.add("model.norm.weight", {l.hidden});
  names.add("lm_head.weight", {l.vocab, l.hidden});
}

json config_of(const Language &l, bool hd) {
  json config = {{"architectures", {l.architecture}},
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
                 {"bos_token_id", l.bos},
                 {"eos_token_id", l.eos},
                 {"image_aspect_ratio", "pad"},
                 {"image_grid", hd ? 2 : 1},
                 {"image_global", hd},
                 {"image_size_aux", hd ? 1536 : 768},
                 {"mm_hidden_size", 1024},
                 {"mm_hidden_size_aux", 2880},
                 {"mm_projector_type", "mlp2x_gelu"},
                 {"mm_use_im_patch_token", false},
                 {"mm_use_im_start_end", false},
                 {"mm_vision_select_feature", "patch"},
                 {"mm_vision_select_layer", -2},
                 {"tokenizer_model_max_length", hd ? 4096 : 2048},
                 {"transformers_version", "4.38.2"},
                 {"torch_dtype", "bfloat16"}};
  if (l.experts > 0)
    config.update({{"num_local_experts", l.experts}, {"num_experts_per_tok", 2}});
  return config;
}

int64_t bytes_of(const TensorSpec &spec) {
  return std::accumulate(spec.shape.begin(), spec.shape.end(), int64_t{2}, std::multiplies<>());
}

int64_t bytes_of(const std::vector<TensorSpec> &specs) {
  return std::accumulate(specs.begin(), specs.end(), int64_t{0},
                         [](int64_t sum, const TensorSpec &spec) { return sum + bytes_of(spec); });
}

/// `stem`: what the files' names begin with.
void write_shards(const fs::path &directory, const std::string &stem,
                  const std::vector<TensorSpec> &specs) {
  constexpr int64_t kShardBytes = int64_t{2} << 30;
  RandomValues values;
  ProgressBar bar("weights", "bytes", bytes_of(specs));
  json map = json::object();
  std::vector<std::pair<std::string, at::Tensor>> shard;
  int64_t bytes = 0, all = 0;
  int number = 0;
  const auto flush = [&] {
    const std::string file = stem + "-" + std::to_string(++number) + ".safetensors";
    for (const auto &entry : shard)
      map[entry.first] = file;
    write_safetensors(directory / file, shard);
    shard.clear();
    bytes = 0;
  };
  for (const TensorSpec &spec : specs) {
    shard.emplace_back(spec.name, values.make(spec.shape));
    bytes += bytes_of(spec);
    bar.update(all += bytes_of(spec));
    if (bytes > kShardBytes)
      flush();
  }
  flush();
  bar.finish();
  write_file(directory / (stem + ".safetensors.index.json"), json{{"weight_map", map}}.dump(1));
}

Language language_of(const ShapeOptions &options, bool hd) {
  std::string name = options.shape;
  if (hd)
    name.resize(name.size() - std::char_traits<char>::length(kHd));
  const std::vector<std::string> names = shape_names();
  if (std::find(names.begin(), names.end(), options.shape) == names.end()) {
    std::string known;
    for (const std::string &each : names)
      known += (known.empty() ? "" : ", ") + each;
    fail(ErrorCategory::Settings, options.shape, ": neither a directory nor one of ", known);
  }
  Language language = kLanguages.at(name);
  if (options.layers < 0 || options.layers > language.layers)
    fail(ErrorCategory::Settings, "--layers ", options.layers, ": ", name, " has ",
         language.layers);
  if (options.layers > 0)
    language.layers = options.layers;
  return language;
}

bool is_hd(const std::string &shape) {
  const std::string end = kHd;
  return shape.size() > end.size() &&
         shape.compare(shape.size() - end.size(), end.size(), end) == 0;
}

/// An empty folder on a disk that has room.
void start(const fs::path &folder, int64_t bytes) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  check_room(folder, bytes);
}

std::vector<TensorSpec> specs_of(const Language &language) {
  Names names;
  add_decoder(names, language);
  add_clip(names);
  add_convnext(names);
  add_mining(names, language.hidden);
  return names.all;
}

void make_model(const ShapeOptions &options, const fs::path &part) {
  const bool hd = is_hd(options.shape);
  const Language language = language_of(options, hd);
  const std::vector<TensorSpec> specs = specs_of(language);
  start(part, bytes_of(specs));
  for (const char *file : {"tokenizer.model", "tokenizer_config.json"})
    fs::copy_file(fs::path(embedded_model_path()) / file, part / file);
  write_file(part / "config.json", config_of(language, hd).dump(1));
  write_shards(part, "model", specs);
}

std::vector<TensorSpec> specs_of(const SdxlShapes &shapes) {
  std::vector<TensorSpec> specs;
  for (const auto &[name, shape] : shapes)
    specs.push_back({name, shape});
  return specs;
}

void make_painter(const ShapeOptions &options, const fs::path &part) {
  if (options.layers != 0)
    fail(ErrorCategory::Settings, "--layers ", options.layers, ": ", kPainterShape,
         " is made whole");
  struct Folder {
    const char *name, *stem;
    std::vector<TensorSpec> specs;
  };
  const std::vector<Folder> folders = {
      {"unet", "diffusion_pytorch_model", specs_of(sdxl_unet_shapes())},
      {"vae", "diffusion_pytorch_model", specs_of(sdxl_vae_decoder_shapes())},
      {"text_encoder", "model", specs_of(sdxl_text_encoder_shapes(false))},
      {"text_encoder_2", "model", specs_of(sdxl_text_encoder_shapes(true))}};
  int64_t bytes = 0;
  for (const Folder &folder : folders)
    bytes += bytes_of(folder.specs);
  start(part, bytes);
  write_sdxl_settings(part);
  for (const Folder &folder : folders)
    write_shards(part / folder.name, folder.stem, folder.specs);
}

std::string cached_shape(const char *option, const std::string &shape) {
  ShapeOptions options;
  options.shape = shape;
  const std::string cache = user_cache_folder("shapes");
  if (cache.empty())
    fail(ErrorCategory::Settings, option, " ", shape, ": is no directory, and without HOME or ",
         "GST_VLM_CACHE_DIR there is no place to make one");
  options.output = fs::path(cache) / shape;
  if (!fs::exists(options.output)) {
    std::cerr << "vlm-bench: " << options.output.string() << " is made, once: the shape of "
              << shape << " with random weights\n";
    make_shape(options);
  }
  return options.output;
}

} // namespace

void check_room(const fs::path &directory, int64_t bytes) {
  const auto free = static_cast<int64_t>(fs::space(directory).available);
  if (free < bytes)
    fail(ErrorCategory::Failed, directory.string(), ": the weights need ", bytes >> 20,
         " MB, the disk has ", free >> 20, " MB left");
}

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const auto &each : kLanguages) {
    names.push_back(each.first);
    if (each.first != "MGM-2B")
      names.push_back(each.first + kHd);
  }
  return names;
}

std::map<std::string, std::vector<int64_t>> shape_tensors(const std::string &shape) {
  std::map<std::string, std::vector<int64_t>> out;
  for (const TensorSpec &spec : specs_of(language_of({shape, 0, {}}, is_hd(shape))))
    out[spec.name] = spec.shape;
  return out;
}

void make_shape(const ShapeOptions &options) {
  if (fs::exists(options.output))
    fail(ErrorCategory::Failed, options.output.string(), " exists already");
  fs::path part = options.output;
  part += ".part";
  try {
    if (options.shape == kPainterShape)
      make_painter(options, part);
    else
      make_model(options, part);
    fs::rename(part, options.output);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw;
  }
}

std::string bench_model(const std::string &model) {
  if (model == kPainterShape && !fs::is_directory(model))
    fail(ErrorCategory::Settings, "--model ", model, ": is a painter");
  return fs::is_directory(model) ? model : cached_shape("--model", model);
}

std::string bench_painter(const std::string &painter) {
  if (painter.empty() || painter != kPainterShape || fs::is_directory(painter))
    return painter;
  return cached_shape("--painter", painter);
}

} // namespace vlm
