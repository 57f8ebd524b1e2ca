// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vlm {

/// What the config.json files of an SDXL directory in diffusers layout say (mgm-spec 9); names as
/// there. All readers throw Error(NotFound | Unreadable | Format) naming file and key, and
/// Error(Unsupported) for a value that this library has no code for.

/// text_encoder/, text_encoder_2/.
struct ClipTextConfig {
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t vocab_size = 0;
  int64_t projection_dim = 0; ///< 0: without projection (CLIPTextModel)
  bool quick_gelu = false;    ///< otherwise GELU (erf)
};
ClipTextConfig read_clip_text_config(const std::string &path);

/// One resolution of the UNet.
struct UNetLevel {
  int64_t channels = 0;
  int64_t heads = 0;             ///< of its attentions
  int64_t transformer_depth = 0; ///< blocks in each attention; 0: none on this level
};

/// unet/.
struct UNetConfig {
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  std::vector<UNetLevel> levels;     ///< from the highest resolution down
  int64_t mid_transformer_depth = 0; ///< of the middle, which has the last level's heads
  int64_t layers_per_block = 2;
  int64_t cross_attention_dim = 0;
  int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  int64_t addition_time_embed_dim = 0;
  int64_t projection_class_embeddings_input_dim = 0;
  int64_t sample_size = 0; ///< latents a side of the default picture

  /// Of the pooled text embedding, which stands before the embeddings of six sizes.
  int64_t pooled_width() const {
    return projection_class_embeddings_input_dim - 6 * addition_time_embed_dim;
  }
};
UNetConfig read_unet_config(const std::string &path);

/// vae/.
struct VaeConfig {
  int64_t latent_channels = 4;
  int64_t out_channels = 3;
  std::vector<int64_t> block_out_channels; ///< from the picture's resolution down
  int64_t layers_per_block = 2;
  int64_t norm_num_groups = 32;
  double scaling_factor = 0.18215;
};
VaeConfig read_vae_config(const std::string &path);

/// scheduler/scheduler_config.json.
struct SchedulerConfig {
  int64_t num_train_timesteps = 1000;
  double beta_start = 0.0001, beta_end = 0.02;
  bool scaled_linear = false; ///< betas are the squares of a line between the roots
  int64_t steps_offset = 0;
};
SchedulerConfig read_scheduler_config(const std::string &path);

} // namespace vlm
