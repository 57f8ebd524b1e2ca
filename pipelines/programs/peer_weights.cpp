// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/peer_weights.h"

#include "model/core/error.h"
#include "pipelines/programs/bench_shapes.h"

#include <algorithm>

namespace vlm {
namespace {

namespace fs = std::filesystem;

constexpr const char *kSource = "BF16";

void add_keys(GgufFile &file, const std::string &family, const DecoderConfig &c) {
  const auto integer = [&](const char *key, int64_t value) {
    file.integer(family + "." + key, value);
  };
  file.text("general.architecture", family);
  file.text("general.name", "random weights");
  file.integer("general.file_type", 32); // most of it BF16
  integer("context_length", c.max_position_embeddings);
  integer("embedding_length", c.hidden_size);
  integer("block_count", c.num_hidden_layers);
  integer("feed_forward_length", c.intermediate_size);
  integer("attention.head_count", c.num_attention_heads);
  integer("attention.head_count_kv", c.num_key_value_heads);
  integer("attention.key_length", c.head_dim);
  integer("attention.value_length", c.head_dim);
  integer("rope.dimension_count", c.head_dim);
  integer("vocab_size", c.vocab_size);
  file.real(family + ".rope.freq_base", c.rope_theta);
  file.real(family + ".attention.layer_norm_rms_epsilon", c.rms_norm_eps);
  file.text("tokenizer.ggml.model", "no_vocab");
}

void add_layer(GgufFile &file, const std::string &layer, const DecoderConfig &c) {
  const int64_t queries = c.num_attention_heads * c.head_dim;
  const int64_t keys = c.num_key_value_heads * c.head_dim;
  file.tensor(layer + "attn_norm.weight", {c.hidden_size});
  file.tensor(layer + "attn_q.weight", {queries, c.hidden_size});
  file.tensor(layer + "attn_k.weight", {keys, c.hidden_size});
  file.tensor(layer + "attn_v.weight", {keys, c.hidden_size});
  file.tensor(layer + "attn_output.weight", {c.hidden_size, queries});
  file.tensor(layer + "ffn_norm.weight", {c.hidden_size});
  file.tensor(layer + "ffn_gate.weight", {c.intermediate_size, c.hidden_size});
  file.tensor(layer + "ffn_up.weight", {c.intermediate_size, c.hidden_size});
  file.tensor(layer + "ffn_down.weight", {c.hidden_size, c.intermediate_size});
}

/// Everything that decides what a file holds.
std::string shape_of(const ModelConfig &config) {
  const DecoderConfig &c = config.decoder;
  std::string name = family_name(config.family);
  for (const int64_t size :
       {c.num_hidden_layers, c.hidden_size, c.num_attention_heads, c.num_key_value_heads,
        c.head_dim, c.intermediate_size, c.vocab_size, c.max_position_embeddings})
    name += "-" + std::to_string(size);
  return name;
}

} // namespace

GgufFile peer_model(const ModelConfig &config) {
  if (config.family == Family::Mixtral)
    fail(ErrorCategory::Settings, "--model: ", family_name(config.family),
         " has no counterpart to be measured beside");
  const DecoderConfig &c = config.decoder;
  GgufFile file;
  add_keys(file, family_name(config.family), c);
  file.tensor("token_embd.weight", {c.vocab_size, c.hidden_size});
  for (int64_t i = 0; i < c.num_hidden_layers; ++i)
    add_layer(file, "blk." + std::to_string(i) + ".", c);
  file.tensor("output_norm.weight", {c.hidden_size});
  if (config.family != Family::Gemma) // whose head is always the embeddings
    file.tensor("output.weight", {c.vocab_size, c.hidden_size});
  return file;
}

PeerWeights::PeerWeights(const ModelConfig &config, fs::path folder)
    : folder_(std::move(folder)), shape_(shape_of(config)), source_(peer_model(config)) {}

fs::path PeerWeights::file(const std::string &type) const {
  return folder_ / (shape_ + "-" + type + ".gguf");
}

void PeerWeights::make(const LlamaCpp &peer, const std::vector<std::string> &types,
                       int threads) const {
  const auto is_there = [this](const std::string &type) { return fs::exists(file(type)); };
  if (std::all_of(types.begin(), types.end(), is_there))
    return;
  fs::create_directories(folder_);
  if (!is_there(kSource)) {
    check_room(folder_, source_.bytes());
    source_.write(file(kSource));
  }
  for (const std::string &type : types)
    if (!is_there(type)) {
      check_room(folder_, source_.bytes() * 6 / 10); // one of 8 bits takes 0.53 of it
      peer.quantize(file(kSource), file(type), type, threads);
    }
  if (std::find(types.begin(), types.end(), kSource) == types.end())
    fs::remove(file(kSource));
}

} // namespace vlm
