// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/sdxl_weights.h"

#include "model/core/json_keys.h"
#include "model/core/log.h"
#include "model/core/machine.h"
#include "model/core/model_fit.h"

#include <algorithm>

namespace vlm {
namespace {

std::string checked(const PainterOptions &options) {
  const std::string &precision = options.precision;
  if (precision != "auto" && precision != "float32" && precision != "bfloat16")
    fail(ErrorCategory::Settings, "unknown precision \"", precision,
         "\": use auto, float32 or bfloat16");
  if (options.device.rfind("cuda", 0) == 0)
    fail(ErrorCategory::Unavailable, "device ", options.device,
         ": painting is only done on the CPU so far");
  if (options.device != "cpu")
    fail(ErrorCategory::Settings, "unknown device \"", options.device, "\": use cpu");
  check_threads(options.threads);
  const std::string path = options.path.empty() ? embedded_painter_path() : options.path;
  const std::string index = path + "/model_index.json";
  const std::string pipeline = JsonKeys(index).text("_class_name", "");
  if (pipeline != "StableDiffusionXLPipeline")
    fail(ErrorCategory::Unsupported, index, ": _class_name \"", pipeline,
         "\" (only StableDiffusionXLPipeline)");
  return path;
}

bool decodes(const std::string &name) {
  return name.rfind("decoder.", 0) == 0 || name.rfind("post_quant_conv.", 0) == 0;
}

uint64_t bytes_of(const ModelFolder &folder, at::ScalarType matrix_dtype,
                  bool (*taken)(const std::string &) = nullptr) {
  uint64_t total = 0;
  for (const std::string &name : folder.names()) {
    if (taken && !taken(name))
      continue;
    const std::vector<int64_t> shape = folder.shape(name);
    total += static_cast<uint64_t>(checked_numel(shape).value_or(0)) *
             c10::elementSize(shape.size() > 1 ? matrix_dtype : at::kFloat);
  }
  return total;
}

// Bytes of the largest maps of the UNet that live at a time, generously: both halves of the batch,
// the way down's maps, joined and normalised ones, and the transformers' inner ones.
uint64_t working_bytes(const UNetConfig &config, int64_t latents) {
  int64_t values = 0, shrink = 1;
  for (const UNetLevel &level : config.levels) {
    values += level.channels * (level.transformer_depth > 0 ? 24 : 16) / shrink;
    shrink *= 4;
  }
  return 4 * 2 * static_cast<uint64_t>(values * latents);
}

/// What is needed beside weights that are loaded.
uint64_t picture_bytes(const UNetConfig &unet, const VaeConfig &vae, int64_t width,
                       int64_t height) {
  return kMemoryHeadroom + std::max(working_bytes(unet, width * height / 64),
                                    VaeDecoder::working_bytes(vae, width * height));
}

uint64_t check_picture(int64_t width, int64_t height, uint64_t needed, uint64_t left) {
  if (needed > left)
    fail(ErrorCategory::Memory, "painting ", width, "x", height, " needs ", gigabytes(needed),
         " of memory, but only ", gigabytes(left), " are left");
  return needed;
}

} // namespace

SdxlFiles::SdxlFiles(const PainterOptions &options)
    : directory_(checked(options)), unet_(directory_ + "/unet"), vae_(directory_ + "/vae"),
      text_encoder_(directory_ + "/text_encoder"), text_encoder_2_(directory_ + "/text_encoder_2"),
      unet_config_(read_unet_config(unet_config_path())),
      vae_config_(read_vae_config(directory_ + "/vae/config.json")),
      scheduler_config_(read_scheduler_config(directory_ + "/scheduler/scheduler_config.json")) {
  const int64_t latents = vae_config_.latent_channels;
  if (unet_config_.in_channels != latents || unet_config_.out_channels != latents)
    fail(ErrorCategory::Format, unet_config_path(), ": in_channels ", unet_config_.in_channels,
         " and out_channels ", unet_config_.out_channels, " are not the VAE's latent_channels ",
         latents);
  const bool bfloat16 = options.precision == "bfloat16" ||
                        (options.precision == "auto" &&
                         auto_means_bfloat16(bytes_with(at::kFloat), available_memory()));
  matrix_dtype_ = bfloat16 ? at::kBFloat16 : at::kFloat;
  log(LogLevel::Info, "precision ", options.precision, ": ", precision());
}

uint64_t SdxlFiles::bytes_with(at::ScalarType matrix_dtype) const {
  return bytes_of(unet_, matrix_dtype) + bytes_of(text_encoder_, matrix_dtype) +
         bytes_of(text_encoder_2_, matrix_dtype) + bytes_of(vae_, at::kFloat, decodes);
}

void SdxlFiles::check_memory(int64_t width, int64_t height, uint64_t left) const {
  check_picture(width, height,
                weight_bytes() + picture_bytes(unet_config_, vae_config_, width, height), left);
}

void SdxlFiles::check_fit(const PromptEncoder &encoder) const {
  if (unet_config_.cross_attention_dim != encoder.width())
    fail(ErrorCategory::Format, unet_config_path(), ": cross_attention_dim is ",
         unet_config_.cross_attention_dim, ", but the text encoders' hidden sizes are ",
         encoder.width(), " together");
  if (unet_config_.pooled_width() != encoder.pooled_width())
    fail(ErrorCategory::Format, unet_config_path(),
         ": projection_class_embeddings_input_dim leaves ", unet_config_.pooled_width(),
         " for the pooled text, but text_encoder_2's projection_dim is ", encoder.pooled_width());
}

SdxlWeights::SdxlWeights(const SdxlFiles &files, const std::function<void(double)> &progress,
                         const CancelToken &cancel)
    : SdxlWeights(files, LoadProgress{static_cast<double>(files.unet().names().size() +
                                                          files.vae().names().size() / 2),
                                      progress, cancel}) {}

SdxlWeights::SdxlWeights(const SdxlFiles &files, LoadProgress loading)
    : matrix_dtype_(files.matrix_dtype()), scheduler_(files.scheduler_config()),
      unet_(Scope(WatchedStateDict(files.unet(), loading), matrix_dtype_), files.unet_config()),
      vae_(Scope(WatchedStateDict(files.vae(), loading), at::kFloat), files.vae_config()) {}

uint64_t SdxlWeights::check_memory(int64_t width, int64_t height, uint64_t left) const {
  return check_picture(width, height, picture_bytes(unet_.config(), vae_.config(), width, height),
                       left);
}

} // namespace vlm
