// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/loaded_model.h"

#include "model/compute/quantized_product.h"
#include "model/compute/threads.h"
#include "model/core/machine.h"
#include "model/core/model_fit.h"
#include "model/core/resident_memory.h"
#include "model/core/user_folders.h"
#include "model/engine/guarded_model.h"
#include "model/engine/load.h"
#include "model/engine/placement.h"
#include "model/weights/checkpoint.h"
#include "model/weights/packed_cache.h"
#include "model/weights/watched_state_dict.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <filesystem>

namespace vlm {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kWorthKeeping = uint64_t{64} << 20; // bytes of weights, packed

std::string path_of(const ModelOptions &options) {
  return options.path.empty() ? embedded_model_path() : options.path;
}

/// Of a conversation about one picture, and of what is remembered of it for the next question.
uint64_t cache_bytes(const ModelConfig &config) {
  constexpr int64_t kPictureTokens = 576, kText = 512, kCaches = 2;
  const int64_t positions =
      kText + (config.has_vision ? config.vision.views() * kPictureTokens : 0);
  const DecoderConfig &decoder = config.decoder;
  const int64_t values = 2 * decoder.num_hidden_layers * decoder.num_key_value_heads *
                         decoder.head_dim; // of a position
  return static_cast<uint64_t>(kCaches * positions * values) * sizeof(uint16_t);
}

WeightBytes weight_bytes(const Checkpoint &checkpoint, const ModelConfig &config) {
  const bool tied = config.decoder.tie_word_embeddings;
  const uint64_t caches = cache_bytes(config);
  if (config.quantization != Quantization::None) {
    const uint64_t held = checkpoint.weight_bytes(at::kBFloat16, tied);
    return {held, held, held, held, config.quantization, caches};
  }
  const auto in = [&](Precision precision) {
    return checkpoint.weight_bytes(matrix_dtype(precision), tied, quantization(precision));
  };
  return {in(Precision::Float32), in(Precision::BFloat16), in(Precision::Int8),
          in(Precision::Int4),    Quantization::None,      caches};
}

/// What each further row of a pass costs, as a part of what the first does; floats: of products
/// with 4096 x 4096 weights that come from memory, for 2 to 32 rows on two Zen 5 cores.
double row_cost(Precision precision) {
  switch (precision) {
  case Precision::Float32:
    return .1;
  case Precision::BFloat16:
    return .13;
  case Precision::Int8:
    return quantized_row_cost(Quantization::Int8);
  case Precision::Int4:
    return quantized_row_cost(Quantization::Int4);
  }
  return 1;
}

void log_unused(const Checkpoint &checkpoint, std::vector<std::string> used) {
  std::sort(used.begin(), used.end());
  const auto was_used = [&](const std::string &name) {
    return std::binary_search(used.begin(), used.end(), name);
  };
  for (const std::string &name : checkpoint.names())
    if (!was_used(name) && !was_used(name.substr(0, name.rfind('.') + 1) + "qweight"))
      log(LogLevel::Info, checkpoint.origin(name), ": tensor ", name, " is not used");
}

/// Nothing where packing takes no time, or nothing may be kept.
std::unique_ptr<PackedCache> packed_cache(const Checkpoint &checkpoint, const ModelInfo &info) {
  const std::string folder = user_cache_folder("packed");
  if (folder.empty() || info.weight_bytes < kWorthKeeping)
    return nullptr;
  return std::make_unique<PackedCache>(
      checkpoint, folder + "/" + info.digest + "-" + info.precision + ".safetensors",
      "format 2 " + checkpoint.stamp());
}

ModelInfo describe(const std::string &path, const Checkpoint &checkpoint, const ModelConfig &config,
                   const Tokenizer &tokenizer, const ModelOptions &options,
                   const Placement &placement, const WeightBytes &bytes) {
  ModelInfo info;
  info.name = fs::canonical(path).filename().string();
  info.digest = checkpoint.digest();
  info.architecture = family_name(config.family);
  info.template_name = default_template(config, tokenizer);
  info.device = options.device;
  info.precision = precision_name(placement.precision);
  info.has_vision = config.has_vision;
  info.context_length = config.tokenizer_model_max_length;
  info.weight_bytes = bytes.in(placement.precision);
  return info;
}

} // namespace

void check_options(const ModelOptions &options) {
  check_placement_names(options);
  check_threads(options.threads);
  const std::string path = path_of(options);
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    fail(ErrorCategory::NotFound, path, ": model directory does not exist");
  if (!fs::is_directory(path, ignored))
    fail(ErrorCategory::Format, path, ": is not a model directory");
  if (!fs::exists(fs::path(path) / "config.json", ignored))
    fail(ErrorCategory::NotFound, path, ": has no config.json");
  check_architecture(path);
  check_stored(options, read_quantization(path));
}

ModelOptions resolve_options(const ModelOptions &options) {
  check_options(options);
  ModelOptions out = options;
  out.path = fs::canonical(path_of(options)).string();
  if (options.device == "cuda")
    out.device = "cuda:0";
  if (options.precision == "auto") {
    const Checkpoint checkpoint(out.path);
    const WeightBytes bytes = weight_bytes(checkpoint, read_model_config(out.path, checkpoint));
    out.precision = precision_name(choose_precision(options, bytes, available_memory()));
  }
  return out;
}

std::shared_ptr<const Model> Model::load(const ModelOptions &options,
                                         const std::function<void(double)> &progress,
                                         const CancelToken &cancel) {
  return std::make_shared<GuardedModel>(
      with_own_errors([&] { return LoadedModel::open(options, progress, cancel); }));
}

std::shared_ptr<const LoadedModel> LoadedModel::open(const ModelOptions &options,
                                                     const std::function<void(double)> &progress,
                                                     const CancelToken &cancel) {
  check_options(options);
  const c10::InferenceMode inference;
  const int threads = options.threads > 0 ? options.threads : available_threads();
  set_threads(threads);
  const LargeBlocksGivenBack sparing;
  const std::string path = path_of(options);

  const Checkpoint checkpoint(path);
  ModelConfig config = read_model_config(path, checkpoint);
  const WeightBytes bytes = weight_bytes(checkpoint, config);
  const Placement placement = place(options, bytes, available_memory());
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::load(path);
  ModelInfo info = describe(path, checkpoint, config, *tokenizer, options, placement, bytes);

  const bool packed = config.quantization != Quantization::None; // by the checkpoint itself
  const Quantization pack = packed ? Quantization::None : quantization(placement.precision);
  const auto cache = pack == Quantization::None ? nullptr : packed_cache(checkpoint, info);
  LoadProgress loading{static_cast<double>(checkpoint.names().size()), progress, cancel};
  const WatchedStateDict dict(cache ? static_cast<const StateDict &>(*cache) : checkpoint, loading);
  std::vector<std::string> used;
  const Scope root = Scope(dict, matrix_dtype(placement.precision), placement.device, &used)
                         .quantized(pack)
                         .kept_by(cache.get());
  Decoder decoder(root, config.decoder);
  std::optional<VisionModel> vision;
  if (config.has_vision)
    vision.emplace(root.sub("model"), config.vision, config.decoder.hidden_size);
  info.tokens_per_image = vision ? vision->tokens_per_image() : 0;
  log_unused(checkpoint, std::move(used));
  if (cache)
    cache->save();
  return std::make_shared<LoadedModel>(std::move(info), std::move(config), std::move(tokenizer),
                                       std::move(vision), std::move(decoder), placement, threads);
}

LoadedModel::LoadedModel(ModelInfo info, ModelConfig config, std::unique_ptr<Tokenizer> tokenizer,
                         std::optional<VisionModel> vision, Decoder decoder,
                         const Placement &placement, int threads)
    : info_(std::move(info)), config_(std::move(config)), tokenizer_(std::move(tokenizer)),
      vision_(std::move(vision)), decoder_(std::move(decoder)), device_(placement.device),
      threads_(threads), row_cost_(row_cost(placement.precision)) {}

} // namespace vlm
