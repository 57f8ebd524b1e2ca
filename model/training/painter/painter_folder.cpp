// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/painter/painter_folder.h"

#include "model/core/error.h"
#include "model/core/mapped_file.h"
#include "model/weights/model_folder.h"
#include "model/weights/safetensors.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <map>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kDiffusers = "0.26.3"; // the version whose layout this is

void write_json(const std::string &path, const json &content) {
  fs::create_directories(fs::path(path).parent_path());
  write_file(path, content.dump(2) + '\n');
}

void write_weights(const ParameterStore &from, const std::string &part, const std::string &path) {
  const std::string prefix = part + ".";
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto &[name, value] : from.tensors())
    if (name.rfind(prefix, 0) == 0)
      tensors.emplace_back(name.substr(prefix.size()), value.to(at::kHalf));
  write_safetensors(path, tensors);
}

json pipeline() {
  return {{"_class_name", "StableDiffusionXLPipeline"},
          {"_diffusers_version", kDiffusers},
          {"force_zeros_for_empty_prompt", false},
          {"scheduler", {"diffusers", "EulerDiscreteScheduler"}},
          {"text_encoder", {"transformers", "CLIPTextModel"}},
          {"text_encoder_2", {"transformers", "CLIPTextModelWithProjection"}},
          {"tokenizer", {"transformers", "CLIPTokenizer"}},
          {"tokenizer_2", {"transformers", "CLIPTokenizer"}},
          {"unet", {"diffusers", "UNet2DConditionModel"}},
          {"vae", {"diffusers", "AutoencoderKL"}}};
}

json describe(const SchedulerConfig &scheduler) {
  return {{"_class_name", "EulerDiscreteScheduler"},
          {"_diffusers_version", kDiffusers},
          {"num_train_timesteps", scheduler.num_train_timesteps},
          {"beta_start", scheduler.beta_start},
          {"beta_end", scheduler.beta_end},
          {"beta_schedule", scheduler.scaled_linear ? "scaled_linear" : "linear"},
          {"steps_offset", scheduler.steps_offset},
          {"timestep_spacing", "leading"},
          {"prediction_type", "epsilon"},
          {"interpolation_type", "linear"},
          {"use_karras_sigmas", false}};
}

json describe(const VaeConfig &vae, int64_t image_size, double scaling_factor) {
  const size_t levels = vae.block_out_channels.size();
  return {{"_class_name", "AutoencoderKL"},
          {"_diffusers_version", kDiffusers},
          {"act_fn", "silu"},
          {"in_channels", vae.out_channels},
          {"out_channels", vae.out_channels},
          {"latent_channels", vae.latent_channels},
          {"block_out_channels", vae.block_out_channels},
          {"down_block_types", std::vector<std::string>(levels, "DownEncoderBlock2D")},
          {"up_block_types", std::vector<std::string>(levels, "UpDecoderBlock2D")},
          {"layers_per_block", vae.layers_per_block},
          {"norm_num_groups", vae.norm_num_groups},
          {"sample_size", image_size},
          {"force_upcast", true},
          {"scaling_factor", scaling_factor}};
}

json describe(const UNetConfig &unet) {
  std::vector<int64_t> channels, heads, depths;
  std::vector<std::string> down, up;
  for (const UNetLevel &level : unet.levels) {
    const bool attends = level.transformer_depth > 0;
    channels.push_back(level.channels);
    heads.push_back(level.heads);
    depths.push_back(std::max<int64_t>(level.transformer_depth, 1));
    down.push_back(attends ? "CrossAttnDownBlock2D" : "DownBlock2D");
    up.insert(up.begin(), attends ? "CrossAttnUpBlock2D" : "UpBlock2D");
  }
  return {{"_class_name", "UNet2DConditionModel"},
          {"_diffusers_version", kDiffusers},
          {"sample_size", unet.sample_size},
          {"in_channels", unet.in_channels},
          {"out_channels", unet.out_channels},
          {"block_out_channels", channels},
          {"attention_head_dim", heads},
          {"transformer_layers_per_block", depths},
          {"layers_per_block", unet.layers_per_block},
          {"down_block_types", down},
          {"mid_block_type", "UNetMidBlock2DCrossAttn"},
          {"up_block_types", up},
          {"cross_attention_dim", unet.cross_attention_dim},
          {"norm_num_groups", unet.norm_num_groups},
          {"norm_eps", unet.norm_eps},
          {"act_fn", "silu"},
          {"use_linear_projection", true},
          {"addition_embed_type", "text_time"},
          {"addition_time_embed_dim", unet.addition_time_embed_dim},
          {"projection_class_embeddings_input_dim", unet.projection_class_embeddings_input_dim}};
}

json describe(const ClipTextConfig &text) {
  const bool projects = text.projection_dim > 0;
  return {
      {"architectures", json::array({projects ? "CLIPTextModelWithProjection" : "CLIPTextModel"})},
      {"model_type", "clip_text_model"},
      {"hidden_size", text.hidden_size},
      {"intermediate_size", PainterSizes::mlp(text)},
      {"num_hidden_layers", text.num_hidden_layers},
      {"num_attention_heads", text.num_attention_heads},
      {"vocab_size", text.vocab_size},
      {"projection_dim", projects ? text.projection_dim : text.hidden_size},
      {"hidden_act", text.quick_gelu ? "quick_gelu" : "gelu"},
      {"layer_norm_eps", 1e-5},
      {"max_position_embeddings", 77},
      {"bos_token_id", 0}, // as in SDXL: 2 makes transformers look for the largest id
      {"eos_token_id", 2},
      {"pad_token_id", 1},
      {"torch_dtype", "float16"}};
}

void copy_tokenizer(const fs::path &from, const fs::path &to) {
  fs::create_directories(to);
  for (const char *name :
       {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
    if (!fs::exists(from / name))
      fail(ErrorCategory::NotFound, (from / name).string(), " does not exist");
    fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing);
  }
}

} // namespace

void copy_tokenizers(const std::string &from, const std::string &to) {
  for (const char *name : {"/tokenizer", "/tokenizer_2"})
    copy_tokenizer(from + name, to + name);
}

void import_painter(ParameterStore &parameters, const std::string &directory) {
  std::map<std::string, ModelFolder> folders;
  for (const auto &[path, value] : parameters.tensors()) {
    const size_t dot = path.find('.');
    const std::string part = path.substr(0, dot), name = path.substr(dot + 1);
    const ModelFolder &folder = folders.try_emplace(part, directory + "/" + part).first->second;
    if (folder.shape(name) != value.sizes())
      fail(ErrorCategory::Format, folder.origin(name), ": tensor ", name,
           " has another shape than this configuration");
    value.variable_data().copy_(folder.load(name, at::kFloat));
  }
}

void export_painter(const ParameterStore &vae, const ParameterStore &unet,
                    const PainterSizes &sizes, double scaling_factor, const std::string &tokenizers,
                    const std::string &directory) {
  copy_tokenizers(tokenizers, directory);
  write_json(directory + "/model_index.json", pipeline());
  write_json(directory + "/scheduler/scheduler_config.json", describe(sizes.scheduler));
  write_json(directory + "/vae/config.json", describe(sizes.vae, sizes.image_size, scaling_factor));
  write_json(directory + "/unet/config.json", describe(sizes.unet));
  write_json(directory + "/text_encoder/config.json", describe(sizes.text));
  write_json(directory + "/text_encoder_2/config.json", describe(sizes.text_2));
  write_weights(vae, "vae", directory + "/vae/diffusion_pytorch_model.safetensors");
  write_weights(unet, "unet", directory + "/unet/diffusion_pytorch_model.safetensors");
  write_weights(unet, "text_encoder", directory + "/text_encoder/model.safetensors");
  write_weights(unet, "text_encoder_2", directory + "/text_encoder_2/model.safetensors");
}

} // namespace vlm
