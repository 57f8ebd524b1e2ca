// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model/language/language_case.h"

#include <filesystem>

namespace vlm::test {
namespace {

DecoderConfig decoder_config(const std::string &name) {
  const nlohmann::json json = read_json(name + "/model/config.json");
  DecoderConfig out;
  out.hidden_size = json["hidden_size"];
  out.intermediate_size = json["intermediate_size"];
  out.num_hidden_layers = json["num_hidden_layers"];
  out.num_attention_heads = json["num_attention_heads"];
  out.num_key_value_heads = json["num_key_value_heads"];
  out.head_dim = json.value("head_dim", out.hidden_size / out.num_attention_heads);
  out.vocab_size = json["vocab_size"];
  out.max_position_embeddings = json["max_position_embeddings"];
  out.rms_norm_eps = json["rms_norm_eps"];
  out.rope_theta = json["rope_theta"];
  out.tie_word_embeddings = json["tie_word_embeddings"];
  out.num_local_experts = json.value("num_local_experts", 1);
  out.num_experts_per_tok = json.value("num_experts_per_tok", 1);
  if (name == "gemma") {
    out.hidden_act = Activation::GeluErf;
    out.norm_unit_offset = out.scale_embeddings = true;
  }
  return out;
}

} // namespace

Shards::Shards(const std::string &relative) {
  for (const auto &entry : std::filesystem::directory_iterator(data(relative)))
    if (entry.path().extension() == ".safetensors")
      files_.push_back(std::make_unique<SafetensorsFile>(entry.path()));
  for (const auto &file : files_)
    for (const auto &[name, info] : file->tensors())
      where_[name] = file.get();
}

std::vector<std::string> Shards::names() const {
  std::vector<std::string> out;
  for (const auto &[name, file] : where_)
    out.push_back(name);
  return out;
}

std::vector<int64_t> Shards::shape(const std::string &name) const {
  if (!contains(name))
    fail(ErrorCategory::Format, "no tensor ", name);
  return where_.at(name)->tensors().at(name).shape;
}

at::Tensor Shards::load(const std::string &name, at::ScalarType dtype) const {
  return where_.at(name)->load(name, dtype);
}

LanguageCase::LanguageCase(const std::string &case_name, at::ScalarType dtype)
    : name(case_name), json(read_json(name + "/case.json")),
      fixture(name + "/expected.safetensors"),
      decoder(Scope(Shards(name + "/model"), dtype), decoder_config(name)) {}

at::Tensor LanguageCase::expected(size_t prompt, const std::string &what) const {
  return fixture["p" + std::to_string(prompt) + "." + what];
}

bool LanguageCase::has(size_t prompt, const std::string &what) const {
  return fixture.contains("p" + std::to_string(prompt) + "." + what);
}

const std::vector<std::string> &language_cases() {
  static const std::vector<std::string> names = {"gemma",  "llama3",    "llama3-hd", "mixtral",
                                                 "vicuna", "vicuna-hd", "yi"};
  return names;
}

} // namespace vlm::test
