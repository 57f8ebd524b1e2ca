// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/painter.h"
#include "model/generation/prompt_encoder.h"
#include "model/generation/unet.h"
#include "model/generation/vae_decoder.h"
#include "model/weights/model_folder.h"
#include "model/weights/watched_state_dict.h"

namespace vlm {

/// An SDXL directory whose headers and configurations were read and found to make sense, and the
/// precision that its matrices will have.
class SdxlFiles {
public:
  /// Errors as Painter::open(), but for memory.
  explicit SdxlFiles(const PainterOptions &options);

  const std::string &directory() const { return directory_; }
  const ModelFolder &unet() const { return unet_; }
  const ModelFolder &vae() const { return vae_; }
  const UNetConfig &unet_config() const { return unet_config_; }
  const VaeConfig &vae_config() const { return vae_config_; }
  const SchedulerConfig &scheduler_config() const { return scheduler_config_; }
  at::ScalarType matrix_dtype() const { return matrix_dtype_; }
  const char *precision() const { return matrix_dtype_ == at::kBFloat16 ? "bfloat16" : "float32"; }
  /// That everything takes once loaded, with text encoders.
  uint64_t weight_bytes() const { return bytes_with(matrix_dtype_); }

  /// Error(Memory) when loading everything and painting that size takes more than the `left` bytes.
  void check_memory(int64_t width, int64_t height, uint64_t left) const;

  /// Error(Format) when the text encoders' widths are not those that the UNet reads.
  void check_fit(const PromptEncoder &encoder) const;

private:
  uint64_t bytes_with(at::ScalarType matrix_dtype) const;
  std::string unet_config_path() const { return directory_ + "/unet/config.json"; }

  std::string directory_;
  ModelFolder unet_, vae_, text_encoder_, text_encoder_2_;
  UNetConfig unet_config_;
  VaeConfig vae_config_;
  SchedulerConfig scheduler_config_;
  at::ScalarType matrix_dtype_;
};

/// UNet and VAE decoder in memory, and what goes with them. Const members may be called from any
/// thread.
class SdxlWeights {
public:
  /// `progress` (may be empty) gets 0..1.
  SdxlWeights(const SdxlFiles &files, const std::function<void(double)> &progress,
              const CancelToken &cancel);

  const UNet &unet() const { return unet_; }
  const VaeDecoder &vae() const { return vae_; }
  const SchedulerConfig &scheduler() const { return scheduler_; }
  at::ScalarType matrix_dtype() const { return matrix_dtype_; }

  /// The bytes that painting that size takes. Error(Memory) when they are more than `left`.
  uint64_t check_memory(int64_t width, int64_t height, uint64_t left) const;

private:
  SdxlWeights(const SdxlFiles &files, LoadProgress loading);

  at::ScalarType matrix_dtype_;
  SchedulerConfig scheduler_;
  UNet unet_;
  VaeDecoder vae_;
};

} // namespace vlm
