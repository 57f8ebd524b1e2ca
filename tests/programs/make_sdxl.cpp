// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes an SDXL directory of the released model's real shapes with random bfloat16 weights, to
// measure load time, memory and speed. Its pictures mean nothing.
#include "model/weights/random_values.h"
#include "model/weights/safetensors.h"
#include "tests/support/sdxl_shapes.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <vector>

namespace vlm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void write_weights(const fs::path &file, const test::Shapes &shapes) {
  fs::create_directories(file.parent_path());
  RandomValues values;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto &[name, shape] : shapes)
    tensors.emplace_back(name, values.make(shape));
  write_safetensors(file, tensors);
}

/// A configuration of the small pipeline with other sizes.
void write_config(const fs::path &small, const fs::path &out, const json &sizes) {
  json config = json::parse(std::ifstream(small));
  config.update(sizes);
  std::ofstream(out) << config.dump(1);
}

void write_all(const fs::path &out, const fs::path &small) {
  fs::copy(small, out, fs::copy_options::recursive);
  const char *const weights = "diffusion_pytorch_model.safetensors";
  write_weights(out / "unet" / weights, test::sdxl_unet_shapes());
  write_weights(out / "vae" / weights, test::sdxl_vae_decoder_shapes());
  write_weights(out / "text_encoder/model.safetensors", test::sdxl_text_encoder_shapes(false));
  write_weights(out / "text_encoder_2/model.safetensors", test::sdxl_text_encoder_shapes(true));
  const std::map<std::string, json> sizes = {
      {"unet/config.json",
       {{"block_out_channels", {320, 640, 1280}},
        {"attention_head_dim", {5, 10, 20}},
        {"transformer_layers_per_block", {1, 2, 10}},
        {"norm_num_groups", 32},
        {"cross_attention_dim", 2048},
        {"addition_time_embed_dim", 256},
        {"projection_class_embeddings_input_dim", 2816},
        {"sample_size", 128}}},
      {"vae/config.json", {{"block_out_channels", {128, 256, 512, 512}}, {"norm_num_groups", 32}}},
      {"text_encoder/config.json",
       {{"hidden_size", 768},
        {"num_hidden_layers", 12},
        {"num_attention_heads", 12},
        {"vocab_size", 49408}}},
      {"text_encoder_2/config.json",
       {{"hidden_size", 1280},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 20},
        {"vocab_size", 49408},
        {"projection_dim", 1280}}}};
  for (const auto &[file, values] : sizes)
    write_config(small / file, out / file, values);
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: make-sdxl OUT_DIR tests/data/sdxl/model\n";
    return 2;
  }
  try {
    vlm::write_all(argv[1], argv[2]);
    return 0;
  } catch (const std::exception &error) {
    std::cerr << "make-sdxl: " << error.what() << "\n";
    return 1;
  }
}
