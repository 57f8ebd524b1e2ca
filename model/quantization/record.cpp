// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/record.h"

#include "model/core/mapped_file.h"
#include "model/quantization/quantization_run.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace vlm {
namespace {

using nlohmann::ordered_json;

ordered_json list_of(const std::vector<LinearReport> &linears) {
  ordered_json out = ordered_json::array();
  for (const LinearReport &linear : linears)
    out.push_back({{"name", linear.name},
                   {"form", linear.form},
                   {"smoothing", linear.smoothing},
                   {"error", linear.error < 0 ? ordered_json() : ordered_json(linear.error)}});
  return out;
}

// Those of the vision tower that run, and so were written; 0 without one. The source may count them
// from the end.
int64_t tower_layers(const Source &source) {
  if (!source.config.has_vision)
    return 0;
  const int64_t all = Scope(source.checkpoint, at::kFloat)
                          .sub("model.vision_tower.vision_tower.vision_model.encoder")
                          .count("layers");
  const int64_t selected = source.config.vision.select_layer;
  return selected < 0 ? all + 1 + selected : selected;
}

} // namespace

std::string write_record(int64_t done, const QuantizeReport &report) {
  return ordered_json{{"done", done},
                      {"linears", list_of(report.linears)},
                      {"tokens", report.tokens},
                      {"perplexity", report.perplexity},
                      {"quantized_perplexity", report.quantized_perplexity}}
      .dump();
}

int64_t read_record(const std::string &text, QuantizeReport &report) {
  const auto record = ordered_json::parse(text);
  for (const auto &linear : record.at("linears"))
    report.linears.push_back(
        {linear.at("name"), linear.at("form"), linear.at("smoothing"),
         linear.at("error").is_null() ? -1. : linear.at("error").get<double>()});
  report.tokens = record.at("tokens");
  report.perplexity = record.at("perplexity");
  report.quantized_perplexity = record.at("quantized_perplexity");
  return record.at("done");
}

std::string quantized_config(const Source &source, Quantization precision,
                             const QuantizeReport &report) {
  auto config = ordered_json::parse(read_file(source.checkpoint.directory() + "/config.json"));
  config["head_dim"] = source.config.decoder.head_dim;
  if (const int64_t layers = tower_layers(source))
    config["mm_vision_select_layer"] = layers;
  ordered_json kept = ordered_json::array();
  for (const LinearReport &linear : report.linears)
    if (linear.form == "bfloat16")
      kept.push_back(linear.name);
  config["quantization_config"] = {{"quant_method", "gst-vlm"},
                                   {"format", 1},
                                   {"precision", precision == Quantization::Int4 ? "int4" : "int8"},
                                   {"modules_to_not_convert", kept},
                                   {"source_digest", source.checkpoint.digest()}};
  return config.dump(2) + "\n";
}

std::string calibration_record(const Source &source, const QuantizeReport &report) {
  size_t positions = 0, texts = source.material.prompts.size() - source.material.pictures.size();
  for (const auto &prompt : source.material.prompts)
    positions += prompt.size();
  return ordered_json{{"texts", texts},
                      {"pictures", source.material.pictures.size()},
                      {"prompt_tokens", positions},
                      {"perplexity_tokens", report.tokens},
                      {"perplexity", report.perplexity},
                      {"quantized_perplexity", report.quantized_perplexity},
                      {"linears", list_of(report.linears)}}
             .dump(1) +
         "\n";
}

bool is_description(const std::filesystem::path &file) {
  static constexpr std::array weights = {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx"};
  const std::string name = file.filename().string(), extension = file.extension().string();
  return std::find(weights.begin(), weights.end(), extension) == weights.end() &&
         name.find(".index.json") == std::string::npos;
}

} // namespace vlm
