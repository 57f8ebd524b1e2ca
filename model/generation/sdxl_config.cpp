// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/sdxl_config.h"

#include "model/core/json_keys.h"

#include <algorithm>

namespace vlm {
namespace {

using nlohmann::json;

constexpr int64_t kMaxWidth = 1 << 16, kMaxDepth = 128;

// Refuses every other value of a key that may be left out.
void expect(const JsonKeys &config, const char *key, const json &only) {
  const json *value = config.find(key);
  if (value && *value != only)
    config.unsupported(key, value->dump());
}

// Keys that ask for something when they are not null.
void expect_unset(const JsonKeys &config, const std::vector<const char *> &keys) {
  for (const char *key : keys)
    if (const json *value = config.find(key))
      config.unsupported(key, value->dump());
}

void expect_class(const JsonKeys &config, const char *name) {
  if (const std::string found = config.text("_class_name", ""); found != name)
    config.unsupported("_class_name", json(found).dump());
}

// One number for each of `count` levels: a list, or one for all.
std::vector<int64_t> per_level(const JsonKeys &config, const char *key, size_t count,
                               int64_t otherwise) {
  const json *value = config.find(key);
  if (!value || !value->is_array())
    return std::vector<int64_t>(count, config.integer(key, 1, kMaxWidth, otherwise));
  const std::vector<int64_t> out = config.integers(key, 1, kMaxWidth);
  if (out.size() != count)
    config.wrong(key, "has ", out.size(), " values, but there are ", count,
                 " values in block_out_channels");
  return out;
}

std::vector<int64_t> read_channels(const JsonKeys &config, int64_t groups) {
  const std::vector<int64_t> out = config.integers("block_out_channels", 1, kMaxWidth);
  for (const int64_t channels : out)
    if (channels % groups != 0)
      config.wrong("norm_num_groups", "is ", groups, ", which does not divide ", channels,
                   " channels");
  if (out.size() > 8)
    config.wrong("block_out_channels", "has ", out.size(), " levels, expected up to 8");
  return out;
}

// Whether the blocks of each level attend; the names of both directions must agree.
std::vector<bool> read_attending(const JsonKeys &config, size_t count) {
  const std::vector<std::string> down = config.texts("down_block_types");
  std::vector<std::string> up = config.texts("up_block_types");
  std::reverse(up.begin(), up.end());
  if (down.size() != count || up.size() != count)
    config.wrong("down_block_types", "has ", down.size(), " names and up_block_types ", up.size(),
                 ", but there are ", count, " values in block_out_channels");
  std::vector<bool> out;
  for (size_t i = 0; i < count; ++i) {
    const bool attends = down[i] == "CrossAttnDownBlock2D";
    if (!attends && down[i] != "DownBlock2D")
      config.unsupported("down_block_types", down[i]);
    if (up[i] != (attends ? "CrossAttnUpBlock2D" : "UpBlock2D"))
      config.unsupported("up_block_types", up[i] + " opposite of " + down[i]);
    out.push_back(attends);
  }
  return out;
}

std::vector<UNetLevel> read_levels(const JsonKeys &config, int64_t groups) {
  const std::vector<int64_t> channels = read_channels(config, groups);
  const std::vector<bool> attending = read_attending(config, channels.size());
  const std::vector<int64_t> depths =
      per_level(config, "transformer_layers_per_block", channels.size(), 1);
  // For historical reasons diffusers keeps head counts under the name of their dimension.
  const char *heads_key =
      config.find("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  const std::vector<int64_t> heads = per_level(config, heads_key, channels.size(), 8);
  std::vector<UNetLevel> out;
  for (size_t i = 0; i < channels.size(); ++i) {
    if (depths[i] > kMaxDepth)
      config.wrong("transformer_layers_per_block", "is ", depths[i], ", expected up to ",
                   kMaxDepth);
    if (channels[i] % heads[i] != 0)
      config.wrong(heads_key, "is ", heads[i], ", which does not divide ", channels[i],
                   " channels");
    out.push_back({channels[i], heads[i], attending[i] ? depths[i] : 0});
  }
  return out;
}

} // namespace

ClipTextConfig read_clip_text_config(const std::string &path) {
  const JsonKeys config(path);
  ClipTextConfig out;
  const std::vector<std::string> names = config.texts("architectures");
  const bool projects = names[0] == "CLIPTextModelWithProjection";
  if (names.size() != 1 || (!projects && names[0] != "CLIPTextModel"))
    config.unsupported("architectures", json(names).dump());
  out.hidden_size = config.integer("hidden_size", 1, kMaxWidth);
  out.num_hidden_layers = config.integer("num_hidden_layers", 2, kMaxDepth);
  out.num_attention_heads = config.integer("num_attention_heads", 1, out.hidden_size);
  if (out.hidden_size % out.num_attention_heads != 0)
    config.wrong("num_attention_heads", "is ", out.num_attention_heads, ", which does not divide ",
                 out.hidden_size);
  out.vocab_size = config.integer("vocab_size", 1, 1 << 22);
  out.projection_dim = projects ? config.integer("projection_dim", 1, kMaxWidth) : 0;
  const std::string activation = config.text("hidden_act", "quick_gelu");
  if (activation != "quick_gelu" && activation != "gelu")
    config.unsupported("hidden_act", activation);
  out.quick_gelu = activation == "quick_gelu";
  expect(config, "layer_norm_eps", 1e-5);
  expect(config, "max_position_embeddings", 77);
  return out;
}

UNetConfig read_unet_config(const std::string &path) {
  const JsonKeys config(path);
  expect_class(config, "UNet2DConditionModel");
  for (const auto &[key, only] :
       std::vector<std::pair<const char *, json>>{{"act_fn", "silu"},
                                                  {"addition_embed_type", "text_time"},
                                                  {"attention_type", "default"},
                                                  {"center_input_sample", false},
                                                  {"conv_in_kernel", 3},
                                                  {"conv_out_kernel", 3},
                                                  {"downsample_padding", 1},
                                                  {"dual_cross_attention", false},
                                                  {"flip_sin_to_cos", true},
                                                  {"freq_shift", 0},
                                                  {"mid_block_scale_factor", 1},
                                                  {"mid_block_type", "UNetMidBlock2DCrossAttn"},
                                                  {"only_cross_attention", false},
                                                  {"resnet_out_scale_factor", 1},
                                                  {"resnet_skip_time_act", false},
                                                  {"resnet_time_scale_shift", "default"},
                                                  {"time_embedding_type", "positional"},
                                                  {"use_linear_projection", true}})
    expect(config, key, only);
  expect_unset(config,
               {"class_embed_type", "cross_attention_norm", "encoder_hid_dim",
                "encoder_hid_dim_type", "mid_block_only_cross_attention", "num_class_embeds",
                "reverse_transformer_layers_per_block", "time_cond_proj_dim",
                "time_embedding_act_fn", "time_embedding_dim", "timestep_post_act"});
  if (!config.find("addition_embed_type"))
    config.unsupported("addition_embed_type", "null");
  if (!config.flag("use_linear_projection", false))
    config.unsupported("use_linear_projection", "false");
  UNetConfig out;
  out.in_channels = config.integer("in_channels", 1, 1024);
  out.out_channels = config.integer("out_channels", 1, 1024);
  out.norm_num_groups = config.integer("norm_num_groups", 1, 1024, 32);
  out.levels = read_levels(config, out.norm_num_groups);
  // The middle attends whether or not the level above it does.
  out.mid_transformer_depth =
      per_level(config, "transformer_layers_per_block", out.levels.size(), 1).back();
  out.layers_per_block = config.integer("layers_per_block", 1, kMaxDepth, 2);
  out.cross_attention_dim = config.integer("cross_attention_dim", 1, kMaxWidth);
  out.norm_eps = config.positive("norm_eps", 1, 1e-5);
  out.addition_time_embed_dim = config.integer("addition_time_embed_dim", 2, kMaxWidth);
  out.projection_class_embeddings_input_dim = config.integer(
      "projection_class_embeddings_input_dim", 6 * out.addition_time_embed_dim + 1, kMaxWidth);
  out.sample_size = config.integer("sample_size", 1, 1024, 128);
  return out;
}

VaeConfig read_vae_config(const std::string &path) {
  const JsonKeys config(path);
  expect_class(config, "AutoencoderKL");
  expect(config, "act_fn", "silu");
  expect_unset(config, {"latents_mean", "latents_std", "shift_factor"});
  for (const char *key : {"use_post_quant_conv", "mid_block_add_attention"})
    expect(config, key, true);
  VaeConfig out;
  out.latent_channels = config.integer("latent_channels", 1, 1024, 4);
  out.out_channels = config.integer("out_channels", 3, 3, 3);
  out.norm_num_groups = config.integer("norm_num_groups", 1, 1024, 32);
  out.block_out_channels = read_channels(config, out.norm_num_groups);
  if (out.block_out_channels.size() != 4)
    config.wrong("block_out_channels", "has ", out.block_out_channels.size(),
                 " levels; a latent stands for 8x8 pixels only with 4");
  for (const std::string &type : config.texts("up_block_types"))
    if (type != "UpDecoderBlock2D")
      config.unsupported("up_block_types", type);
  out.layers_per_block = config.integer("layers_per_block", 1, kMaxDepth, 2);
  out.scaling_factor = config.positive("scaling_factor", 1e3, 0.18215);
  return out;
}

SchedulerConfig read_scheduler_config(const std::string &path) {
  const JsonKeys config(path);
  expect_class(config, "EulerDiscreteScheduler");
  for (const auto &[key, only] :
       std::vector<std::pair<const char *, json>>{{"interpolation_type", "linear"},
                                                  {"prediction_type", "epsilon"},
                                                  {"rescale_betas_zero_snr", false},
                                                  {"timestep_type", "discrete"},
                                                  {"use_karras_sigmas", false}})
    expect(config, key, only);
  expect_unset(config, {"sigma_max", "sigma_min", "trained_betas"});
  if (const std::string spacing = config.text("timestep_spacing", "linspace"); spacing != "leading")
    config.unsupported("timestep_spacing", spacing);
  const std::string schedule = config.text("beta_schedule", "linear");
  if (schedule != "linear" && schedule != "scaled_linear")
    config.unsupported("beta_schedule", schedule);
  SchedulerConfig out;
  out.num_train_timesteps = config.integer("num_train_timesteps", 1, 100000, 1000);
  out.beta_start = config.positive("beta_start", 1, 0.0001);
  out.beta_end = config.positive("beta_end", 1, 0.02);
  out.scaled_linear = schedule == "scaled_linear";
  out.steps_offset = config.integer("steps_offset", 0, 1000, 0);
  return out;
}

} // namespace vlm
