// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/sizes.h"

namespace vlm {

// In SDXL's structure levels of 96, 192 and 288 channels would make 32 million parameters, twice
// what fits into 30 MB.
PainterSizes::PainterSizes() {
  vae.block_out_channels = {32, 64, 128, 128};
  vae.layers_per_block = 1;
  vae.norm_num_groups = 8;
  vae.scaling_factor = 1;
  unet.levels = {{64, 2, 0}, {128, 4, 1}, {160, 5, 1}};
  unet.mid_transformer_depth = 1;
  unet.layers_per_block = 1;
  unet.cross_attention_dim = 320;
  unet.norm_num_groups = 16;
  unet.addition_time_embed_dim = 32;
  unet.projection_class_embeddings_input_dim = 6 * 32 + 128;
  unet.sample_size = latent_size();
  text = {128, 3, 2, vocab, 0, true};
  text_2 = {192, 3, 3, vocab, 128, false};
  scheduler.beta_start = 0.00085;
  scheduler.beta_end = 0.012;
  scheduler.scaled_linear = true;
  scheduler.steps_offset = 1;
}

} // namespace vlm
