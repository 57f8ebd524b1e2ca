// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/clip_tokenizer.h"
#include "model/training/initializer.h"
#include "model/training/painter/sizes.h"

namespace vlm {
namespace {

// Branches begin quietly beside what they are added to, and the noise with none predicted.
constexpr double kBranch = .3, kQuiet = .1;
// The UNet reads hidden states without a norm: embeddings begin at its own scale.
constexpr double kTokenScale = .5, kPositionScale = .2;

std::string at(const std::string &name, int64_t index) {
  return name + "." + std::to_string(index);
}

/// Names and sizes of diffusers' blocks.
class Blocks {
public:
  Blocks(ParameterStore &store, uint64_t seed) : init_(store, seed) {}

  Initializer &init() { return init_; }
  void conv(const std::string &name, int64_t in, int64_t out, int64_t side = 3, double gain = 1) {
    init_.convolution(name, in, out, side, true, gain);
  }
  void linear(const std::string &name, int64_t in, int64_t out, double gain = 1) {
    init_.linear(name, in, out, true, gain);
  }
  void resnet(const std::string &name, int64_t in, int64_t out, int64_t time) {
    init_.norm(name + ".norm1", in);
    conv(name + ".conv1", in, out);
    init_.norm(name + ".norm2", out);
    conv(name + ".conv2", out, out, 3, kBranch);
    if (time > 0)
      linear(name + ".time_emb_proj", time, out);
    if (in != out)
      conv(name + ".conv_shortcut", in, out, 1);
  }
  void transformer(const std::string &name, int64_t width, int64_t depth, int64_t context) {
    init_.norm(name + ".norm", width);
    linear(name + ".proj_in", width, width);
    for (int64_t i = 0; i < depth; ++i) {
      const std::string block = at(name + ".transformer_blocks", i);
      for (const char *norm : {".norm1", ".norm2", ".norm3"})
        init_.norm(block + norm, width);
      cross_attention(block + ".attn1", width, width);
      cross_attention(block + ".attn2", width, context);
      linear(block + ".ff.net.0.proj", width, 8 * width);
      linear(block + ".ff.net.2", 4 * width, width, kBranch);
    }
    linear(name + ".proj_out", width, width, kBranch);
  }
  /// A resnet of the UNet and, where the level has them, the attention behind it.
  void block(const std::string &name, int64_t index, int64_t in, const UNetLevel &level,
             const UNetConfig &unet) {
    resnet(at(name + ".resnets", index), in, level.channels, 4 * unet.levels[0].channels);
    if (level.transformer_depth > 0)
      transformer(at(name + ".attentions", index), level.channels, level.transformer_depth,
                  unet.cross_attention_dim);
  }
  void vae_middle(const std::string &name, int64_t width) {
    resnet(name + ".resnets.0", width, width, 0);
    init_.norm(name + ".attentions.0.group_norm", width);
    for (const char *part : {"to_q", "to_k", "to_v"})
      linear(name + ".attentions.0." + part, width, width);
    linear(name + ".attentions.0.to_out.0", width, width, kBranch);
    resnet(name + ".resnets.1", width, width, 0);
  }

private:
  void cross_attention(const std::string &name, int64_t width, int64_t context) {
    init_.linear(name + ".to_q", width, width, false);
    init_.linear(name + ".to_k", context, width, false);
    init_.linear(name + ".to_v", context, width, false);
    linear(name + ".to_out.0", width, width, kBranch);
  }

  Initializer init_;
};

void add_encoder(Blocks &blocks, const VaeConfig &vae) {
  const std::vector<int64_t> &widths = vae.block_out_channels;
  const std::string root = "vae.encoder.";
  blocks.conv(root + "conv_in", vae.out_channels, widths[0]);
  int64_t channels = widths[0];
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string level = at(root + "down_blocks", static_cast<int64_t>(i));
    for (int64_t k = 0; k < vae.layers_per_block; ++k) {
      blocks.resnet(at(level + ".resnets", k), channels, widths[i], 0);
      channels = widths[i];
    }
    if (i + 1 < widths.size())
      blocks.conv(level + ".downsamplers.0.conv", channels, channels);
  }
  blocks.vae_middle(root + "mid_block", channels);
  blocks.init().norm(root + "conv_norm_out", channels);
  blocks.conv(root + "conv_out", channels, 2 * vae.latent_channels);
  blocks.conv("vae.quant_conv", 2 * vae.latent_channels, 2 * vae.latent_channels, 1);
}

void add_decoder(Blocks &blocks, const VaeConfig &vae) {
  const std::vector<int64_t> widths(vae.block_out_channels.rbegin(), vae.block_out_channels.rend());
  const std::string root = "vae.decoder.";
  blocks.conv("vae.post_quant_conv", vae.latent_channels, vae.latent_channels, 1);
  blocks.conv(root + "conv_in", vae.latent_channels, widths[0]);
  int64_t channels = widths[0];
  blocks.vae_middle(root + "mid_block", channels);
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string level = at(root + "up_blocks", static_cast<int64_t>(i));
    for (int64_t k = 0; k <= vae.layers_per_block; ++k) {
      blocks.resnet(at(level + ".resnets", k), channels, widths[i], 0);
      channels = widths[i];
    }
    if (i + 1 < widths.size())
      blocks.conv(level + ".upsamplers.0.conv", channels, channels);
  }
  blocks.init().norm(root + "conv_norm_out", channels);
  blocks.conv(root + "conv_out", channels, vae.out_channels);
}

void add_unet(Blocks &blocks, const UNetConfig &unet) {
  const std::string root = "unet.";
  const int64_t first = unet.levels[0].channels, time = 4 * first;
  blocks.conv(root + "conv_in", unet.in_channels, first);
  blocks.linear(root + "time_embedding.linear_1", first, time);
  blocks.linear(root + "time_embedding.linear_2", time, time);
  blocks.linear(root + "add_embedding.linear_1", unet.projection_class_embeddings_input_dim, time);
  blocks.linear(root + "add_embedding.linear_2", time, time);
  int64_t channels = first;
  std::vector<int64_t> skips = {channels};
  for (size_t i = 0; i < unet.levels.size(); ++i) {
    const std::string level = at(root + "down_blocks", static_cast<int64_t>(i));
    for (int64_t k = 0; k < unet.layers_per_block; ++k) {
      blocks.block(level, k, channels, unet.levels[i], unet);
      skips.push_back(channels = unet.levels[i].channels);
    }
    if (i + 1 < unet.levels.size()) {
      blocks.conv(level + ".downsamplers.0.conv", channels, channels);
      skips.push_back(channels);
    }
  }
  UNetLevel middle = unet.levels.back();
  middle.transformer_depth = unet.mid_transformer_depth;
  blocks.block(root + "mid_block", 0, channels, middle, unet);
  middle.transformer_depth = 0;
  blocks.block(root + "mid_block", 1, channels, middle, unet);
  for (size_t i = 0; i < unet.levels.size(); ++i) {
    const UNetLevel &shape = unet.levels[unet.levels.size() - 1 - i];
    const std::string level = at(root + "up_blocks", static_cast<int64_t>(i));
    for (int64_t k = 0; k <= unet.layers_per_block; ++k) {
      blocks.block(level, k, channels + skips.back(), shape, unet);
      skips.pop_back();
      channels = shape.channels;
    }
    if (i + 1 < unet.levels.size())
      blocks.conv(level + ".upsamplers.0.conv", channels, channels);
  }
  blocks.init().norm(root + "conv_norm_out", first);
  blocks.conv(root + "conv_out", first, unet.out_channels, 3, kQuiet);
}

void add_text(Blocks &blocks, const std::string &folder, const ClipTextConfig &text) {
  Initializer &init = blocks.init();
  const std::string root = folder + ".text_model.";
  const int64_t width = text.hidden_size;
  init.normal(root + "embeddings.token_embedding.weight", {text.vocab_size, width}, kTokenScale);
  init.normal(root + "embeddings.position_embedding.weight", {ClipTokenizer::kLength, width},
              kPositionScale);
  for (int64_t i = 0; i < text.num_hidden_layers; ++i) {
    const std::string layer = at(root + "encoder.layers", i);
    init.norm(layer + ".layer_norm1", width);
    init.norm(layer + ".layer_norm2", width);
    for (const char *part : {"q_proj", "k_proj", "v_proj"})
      blocks.linear(layer + ".self_attn." + part, width, width);
    blocks.linear(layer + ".self_attn.out_proj", width, width, kBranch);
    blocks.linear(layer + ".mlp.fc1", width, PainterSizes::mlp(text));
    blocks.linear(layer + ".mlp.fc2", PainterSizes::mlp(text), width, kBranch);
  }
  init.norm(root + "final_layer_norm", width);
  if (text.projection_dim > 0)
    init.linear(folder + ".text_projection", width, text.projection_dim, false);
}

} // namespace

ParameterStore initial_vae(const PainterSizes &sizes, uint64_t seed) {
  ParameterStore store;
  Blocks blocks(store, seed);
  add_encoder(blocks, sizes.vae);
  add_decoder(blocks, sizes.vae);
  return store;
}

ParameterStore decoder_part(const ParameterStore &vae) {
  ParameterStore out;
  for (const auto &[name, value] : vae.tensors())
    if (name.rfind("vae.decoder.", 0) == 0 || name.rfind("vae.post_quant_conv.", 0) == 0)
      out.add(name, value);
  return out;
}

ParameterStore initial_unet(const PainterSizes &sizes, uint64_t seed) {
  ParameterStore store;
  Blocks blocks(store, seed);
  add_unet(blocks, sizes.unet);
  add_text(blocks, "text_encoder", sizes.text);
  add_text(blocks, "text_encoder_2", sizes.text_2);
  return store;
}

} // namespace vlm
