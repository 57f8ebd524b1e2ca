// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_sdxl.h"

#include "model/core/mapped_file.h"
#include "model/text/byte_level.h"

#include <nlohmann/json.hpp>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void write_object(const fs::path &file, const json &object) {
  fs::create_directories(file.parent_path());
  write_file(file, object.dump(1));
}

/// Every byte alone, inside and at the end of a word, and pairs of them until ids have the released
/// vocabulary's range; those of "!" and of the special tokens are its own.
void write_tokenizer(const fs::path &folder, const char *padding) {
  json vocabulary = json::object();
  int id = 0;
  vocabulary["!"] = id++;
  const auto symbol = [](int byte) {
    return bytes_to_characters(std::string(1, static_cast<char>(byte)));
  };
  for (const char *end : {"", "</w>"})
    for (int byte = 0; byte < 256; ++byte)
      if (const std::string piece = symbol(byte) + end; piece != "!")
        vocabulary[piece] = id++;
  std::string merges = "#version: 0.2\n";
  for (int pair = 0; id < 49406; ++pair) {
    const std::string first = symbol(pair / 256), second = symbol(pair % 256);
    merges += first + ' ' + second + '\n';
    vocabulary[first + second] = id++;
  }
  vocabulary["<|startoftext|>"] = id++;
  vocabulary["<|endoftext|>"] = id++;
  write_object(folder / "vocab.json", vocabulary);
  write_file(folder / "merges.txt", merges);
  write_object(folder / "tokenizer_config.json", {{"tokenizer_class", "CLIPTokenizer"},
                                                  {"model_max_length", 77},
                                                  {"bos_token", "<|startoftext|>"},
                                                  {"eos_token", "<|endoftext|>"},
                                                  {"unk_token", "<|endoftext|>"},
                                                  {"pad_token", padding}});
}

json unet_config() {
  return {{"_class_name", "UNet2DConditionModel"},
          {"act_fn", "silu"},
          {"addition_embed_type", "text_time"},
          {"addition_time_embed_dim", 256},
          {"attention_head_dim", {5, 10, 20}},
          {"block_out_channels", {320, 640, 1280}},
          {"cross_attention_dim", 2048},
          {"down_block_types", {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"}},
          {"in_channels", 4},
          {"layers_per_block", 2},
          {"norm_num_groups", 32},
          {"out_channels", 4},
          {"projection_class_embeddings_input_dim", 2816},
          {"sample_size", 128},
          {"transformer_layers_per_block", {1, 2, 10}},
          {"up_block_types", {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}},
          {"use_linear_projection", true}};
}

json vae_config() {
  return {{"_class_name", "AutoencoderKL"},
          {"act_fn", "silu"},
          {"block_out_channels", {128, 256, 512, 512}},
          {"in_channels", 3},
          {"latent_channels", 4},
          {"layers_per_block", 2},
          {"norm_num_groups", 32},
          {"out_channels", 3},
          {"scaling_factor", 0.13025},
          {"up_block_types", json(4, "UpDecoderBlock2D")}};
}

json scheduler_config() {
  return {{"_class_name", "EulerDiscreteScheduler"},
          {"beta_end", 0.012},
          {"beta_schedule", "scaled_linear"},
          {"beta_start", 0.00085},
          {"num_train_timesteps", 1000},
          {"prediction_type", "epsilon"},
          {"steps_offset", 1},
          {"timestep_spacing", "leading"}};
}

json text_encoder_config(bool second) {
  return {{"architectures", {second ? "CLIPTextModelWithProjection" : "CLIPTextModel"}},
          {"hidden_act", second ? "gelu" : "quick_gelu"},
          {"hidden_size", second ? 1280 : 768},
          {"intermediate_size", second ? 5120 : 3072},
          {"max_position_embeddings", 77},
          {"num_attention_heads", second ? 20 : 12},
          {"num_hidden_layers", second ? 32 : 12},
          {"projection_dim", second ? 1280 : 768},
          {"vocab_size", 49408}};
}

} // namespace

void write_sdxl_settings(const fs::path &directory) {
  write_object(directory / "model_index.json", {{"_class_name", "StableDiffusionXLPipeline"}});
  write_object(directory / "unet/config.json", unet_config());
  write_object(directory / "vae/config.json", vae_config());
  write_object(directory / "scheduler/scheduler_config.json", scheduler_config());
  write_object(directory / "text_encoder/config.json", text_encoder_config(false));
  write_object(directory / "text_encoder_2/config.json", text_encoder_config(true));
  write_tokenizer(directory / "tokenizer", "<|endoftext|>");
  write_tokenizer(directory / "tokenizer_2", "!");
}

} // namespace vlm
