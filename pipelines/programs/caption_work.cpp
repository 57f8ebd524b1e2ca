// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/caption_work.h"

#include "model/compute/integer_kernels.h"
#include "model/weights/checkpoint.h"

#include <functional>
#include <numeric>

namespace vlm {
namespace {

using Shape = std::vector<int64_t>;
using Shapes = std::map<std::string, Shape>;

const std::string kClip = "model.vision_tower.vision_tower.vision_model.";
const std::string kConvNext = "model.vision_tower_aux.";
const std::string kEmbeddings = "model.embed_tokens.weight";

bool begins(const std::string &name, const std::string &part) { return name.rfind(part, 0) == 0; }
bool holds(const std::string &name, const char *part) {
  return name.find(part) != std::string::npos;
}
bool is_packed(const std::string &name) { return holds(name, ".qweight"); }

double product(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), 1.0, std::multiplies<>());
}

/// The number behind `prefix`; -1 when the name begins otherwise.
int64_t number_behind(const std::string &prefix, const std::string &name) {
  return begins(name, prefix) ? std::stoll(name.substr(prefix.size())) : -1;
}

/// Weights that are multiplied with each row.
double weights(const std::string &name, const Shape &shape) {
  if (is_packed(name))
    return static_cast<double>(shape[0] * shape[1] * kInt8Block);
  return shape.size() < 2 ? 0 : product(shape);
}

class Counter {
public:
  Counter(const Shapes &shapes, const ModelConfig &config, int64_t positions)
      : shapes_(shapes), config_(config), positions_(static_cast<double>(positions)) {
    const VisionConfig &vision = config.vision;
    views_ = static_cast<double>(vision.image_grid * vision.image_grid + vision.image_global);
    for (const auto &[name, shape] : shapes)
      clip_layers_ = std::max(clip_layers_, number_behind(kClip + "encoder.layers.", name) + 1);
    if (vision.select_layer < 0) // counted from behind the last
      clip_layers_ += 1 + vision.select_layer;
    if (config.has_vision)
      tokens_ = first_of(kClip + "embeddings.position_embedding.weight");
  }

  std::map<std::string, double> operations() const {
    std::map<std::string, double> out;
    for (const auto &[name, shape] : shapes_)
      out[stage(name)] += 2 * rows(name) * weights(name, shape) + attention(name);
    if (const auto mining = out.find("mining"); mining != out.end())
      mining->second += tiles();
    return out;
  }

  double token_bytes(const std::string &precision) const {
    double out = cache_bytes(precision);
    for (const auto &[name, shape] : shapes_)
      out += share_of_token(name) * bytes(name, shape, precision);
    return out;
  }

private:
  double first_of(const std::string &name) const {
    return static_cast<double>(shapes_.at(name)[0]);
  }
  bool is_head(const std::string &name) const {
    const bool tied = config_.decoder.tie_word_embeddings && !shapes_.count("lm_head.qweight");
    return tied ? name == kEmbeddings : begins(name, "lm_head.");
  }

  /// How many of the experts take part, where there are several.
  double share(const std::string &name) const {
    const DecoderConfig &decoder = config_.decoder;
    return holds(name, ".experts.") ? static_cast<double>(decoder.num_experts_per_tok) /
                                          static_cast<double>(decoder.num_local_experts)
                                    : 1;
  }

  static const char *stage(const std::string &name) {
    if (begins(name, kClip))
      return "vision_tower";
    if (begins(name, kConvNext))
      return "vision_tower_aux";
    if (begins(name, "model.vlm_uni_"))
      return "mining";
    return begins(name, "model.mm_projector.") ? "projector" : "prefill";
  }

  /// That a tensor's weights are multiplied with.
  double rows(const std::string &name) const {
    if (begins(name, kClip))
      return views_ * clip_rows(name);
    if (begins(name, kConvNext))
      return map(std::max<int64_t>(0, number_behind(kConvNext + "vision_stages.", name)));
    if (begins(name, "model.vlm_uni_") || begins(name, "model.mm_projector."))
      return views_ * (tokens_ - 1);
    if (begins(name, "model.layers."))
      return positions_ * share(name);
    return is_head(name); // for the last position
  }

  double clip_rows(const std::string &name) const {
    if (holds(name, ".patch_embedding."))
      return tokens_ - 1;
    const int64_t layer = number_behind(kClip + "encoder.layers.", name);
    return layer >= 0 && layer < clip_layers_ ? tokens_ : 0;
  }

  /// Positions of the map that a stage makes.
  double map(int64_t stage) const {
    const int64_t patch = shapes_.at(kConvNext + "vision_stem.0.weight")[2];
    const auto side = static_cast<double>(config_.vision.image_size_aux / patch >> stage);
    return side * side;
  }

  /// Scores, and what they mix, counted once in a layer.
  double attention(const std::string &name) const {
    if (!holds(name, ".self_attn.q_proj.weight") && !holds(name, ".self_attn.q_proj.qweight"))
      return 0;
    const DecoderConfig &decoder = config_.decoder;
    if (begins(name, kClip))
      return 4 * views_ * clip_rows(name) * tokens_ *
             first_of(kClip + "embeddings.class_embedding");
    const auto width = static_cast<double>(decoder.num_attention_heads * decoder.head_dim);
    return 2 * positions_ * (positions_ + 1) * width;
  }

  /// Each patch looks at its part of the map, and mixes it. The view of the whole picture looks at
  /// a smaller map, as large as the part of each of the others.
  double tiles() const {
    const auto crops = static_cast<double>(config_.vision.image_grid * config_.vision.image_grid);
    return 4 * map(0) * views_ / crops * first_of("model.vlm_uni_aux_projector.0.weight");
  }

  double share_of_token(const std::string &name) const {
    return begins(name, "model.layers.") ? share(name) : is_head(name);
  }

  double bytes(const std::string &name, const Shape &shape, const std::string &precision) const {
    if (is_packed(name))
      return product(shape);
    if (shape.size() != 2)
      return product(shape) * sizeof(float);
    const Quantization kind =
        held_in(name == kEmbeddings ? "lm_head.weight" : name, packed_at_load(precision));
    if (kind != Quantization::None)
      return static_cast<double>(quantized_bytes(kind, shape[0], shape[1]));
    return product(shape) * value_bytes(precision);
  }

  Quantization packed_at_load(const std::string &precision) const {
    if (config_.quantization != Quantization::None) // it was before
      return Quantization::None;
    return precision == "int4"   ? Quantization::Int4
           : precision == "int8" ? Quantization::Int8
                                 : Quantization::None;
  }

  static double value_bytes(const std::string &precision) {
    return precision == "float32" ? sizeof(float) : sizeof(uint16_t);
  }

  double cache_bytes(const std::string &precision) const {
    const DecoderConfig &decoder = config_.decoder;
    return 2 * positions_ * value_bytes(precision) *
           static_cast<double>(decoder.num_hidden_layers * decoder.num_key_value_heads *
                               decoder.head_dim);
  }

  const Shapes &shapes_;
  const ModelConfig &config_;
  double positions_, views_, tokens_ = 0;
  int64_t clip_layers_ = 0;
};

} // namespace

CaptionWork caption_work(const Shapes &shapes, const ModelConfig &config,
                         const std::string &precision, int64_t positions) {
  const Counter counter(shapes, config, positions);
  return {counter.operations(), counter.token_bytes(precision)};
}

CaptionWork caption_work(const std::string &directory, const std::string &precision,
                         int64_t positions) {
  const Checkpoint checkpoint(directory);
  Shapes shapes;
  for (const std::string &name : checkpoint.names())
    shapes[name] = checkpoint.shape(name);
  return caption_work(shapes, read_model_config(directory, checkpoint), precision, positions);
}

} // namespace vlm
