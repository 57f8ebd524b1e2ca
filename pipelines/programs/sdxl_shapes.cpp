// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/sdxl_shapes.h"

namespace vlm {
namespace {

class SdxlTable {
public:
  SdxlShapes all;
  void weight(const std::string &name, std::vector<int64_t> shape) {
    all[name + ".weight"] = std::move(shape);
  }
  void norm(const std::string &name, int64_t size) {
    weight(name, {size});
    bias(name, size);
  }
  void linear(const std::string &name, int64_t in, int64_t out) {
    weight(name, {out, in});
    bias(name, out);
  }
  void conv(const std::string &name, int64_t in, int64_t out, int64_t kernel = 3) {
    weight(name, {out, in, kernel, kernel});
    bias(name, out);
  }
  void resnet(const std::string &name, int64_t in, int64_t out, bool time) {
    norm(name + ".norm1", in);
    conv(name + ".conv1", in, out);
    norm(name + ".norm2", out);
    conv(name + ".conv2", out, out);
    if (time)
      linear(name + ".time_emb_proj", 1280, out);
    if (in != out)
      conv(name + ".conv_shortcut", in, out, 1);
  }
  void attention(const std::string &name, int64_t width, int depth) {
    norm(name + ".norm", width);
    linear(name + ".proj_in", width, width);
    linear(name + ".proj_out", width, width);
    for (int k = 0; k < depth; ++k) {
      const std::string block = name + ".transformer_blocks." + std::to_string(k);
      for (const char *part : {".norm1", ".norm2", ".norm3"})
        norm(block + part, width);
      for (const auto &[attn, context] :
           {std::pair(".attn1", width), std::pair(".attn2", int64_t{2048})}) {
        weight(block + attn + ".to_q", {width, width});
        weight(block + attn + ".to_k", {width, context});
        weight(block + attn + ".to_v", {width, context});
        linear(block + attn + ".to_out.0", width, width);
      }
      linear(block + ".ff.net.0.proj", width, 8 * width);
      linear(block + ".ff.net.2", 4 * width, width);
    }
  }

private:
  void bias(const std::string &name, int64_t size) { all[name + ".bias"] = {size}; }
};

std::string nth(const std::string &name, int index) { return name + "." + std::to_string(index); }

} // namespace

SdxlShapes sdxl_unet_shapes() {
  SdxlTable t;
  t.conv("conv_in", 4, 320);
  t.linear("time_embedding.linear_1", 320, 1280);
  t.linear("time_embedding.linear_2", 1280, 1280);
  t.linear("add_embedding.linear_1", 2816, 1280);
  t.linear("add_embedding.linear_2", 1280, 1280);
  const int64_t down[3][2] = {{320, 320}, {320, 640}, {640, 1280}};
  const int depth[3] = {0, 2, 10};
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 2; ++k) {
      const std::string block = nth("down_blocks", i);
      t.resnet(nth(block + ".resnets", k), k ? down[i][1] : down[i][0], down[i][1], true);
      if (depth[i])
        t.attention(nth(block + ".attentions", k), down[i][1], depth[i]);
    }
  t.conv("down_blocks.0.downsamplers.0.conv", 320, 320);
  t.conv("down_blocks.1.downsamplers.0.conv", 640, 640);
  t.resnet("mid_block.resnets.0", 1280, 1280, true);
  t.attention("mid_block.attentions.0", 1280, 10);
  t.resnet("mid_block.resnets.1", 1280, 1280, true);
  const int64_t up[3][3] = {{2560, 2560, 1920}, {1920, 1280, 960}, {960, 640, 640}};
  const int64_t out[3] = {1280, 640, 320};
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 3; ++k) {
      const std::string block = nth("up_blocks", i);
      t.resnet(nth(block + ".resnets", k), up[i][k], out[i], true);
      if (depth[2 - i])
        t.attention(nth(block + ".attentions", k), out[i], depth[2 - i]);
    }
  t.conv("up_blocks.0.upsamplers.0.conv", 1280, 1280);
  t.conv("up_blocks.1.upsamplers.0.conv", 640, 640);
  t.norm("conv_norm_out", 320);
  t.conv("conv_out", 320, 4);
  return t.all;
}

SdxlShapes sdxl_vae_decoder_shapes() {
  SdxlTable t;
  t.conv("post_quant_conv", 4, 4, 1);
  t.conv("decoder.conv_in", 4, 512);
  t.resnet("decoder.mid_block.resnets.0", 512, 512, false);
  t.norm("decoder.mid_block.attentions.0.group_norm", 512);
  for (const char *part : {"to_q", "to_k", "to_v", "to_out.0"})
    t.linear(std::string("decoder.mid_block.attentions.0.") + part, 512, 512);
  t.resnet("decoder.mid_block.resnets.1", 512, 512, false);
  const int64_t channels[4] = {512, 512, 256, 128};
  for (int i = 0; i < 4; ++i) {
    const std::string block = nth("decoder.up_blocks", i);
    for (int k = 0; k < 3; ++k)
      t.resnet(nth(block + ".resnets", k), channels[k == 0 && i > 0 ? i - 1 : i], channels[i],
               false);
    if (i < 3)
      t.conv(block + ".upsamplers.0.conv", channels[i], channels[i]);
  }
  t.norm("decoder.conv_norm_out", 128);
  t.conv("decoder.conv_out", 128, 3);
  return t.all;
}

SdxlShapes sdxl_text_encoder_shapes(bool second) {
  const int64_t width = second ? 1280 : 768, mlp = second ? 5120 : 3072;
  SdxlTable t;
  t.weight("text_model.embeddings.token_embedding", {49408, width});
  t.weight("text_model.embeddings.position_embedding", {77, width});
  for (int i = 0; i < (second ? 32 : 12); ++i) {
    const std::string layer = nth("text_model.encoder.layers", i);
    t.norm(layer + ".layer_norm1", width);
    t.norm(layer + ".layer_norm2", width);
    for (const char *part : {"q_proj", "k_proj", "v_proj", "out_proj"})
      t.linear(layer + ".self_attn." + part, width, width);
    t.linear(layer + ".mlp.fc1", width, mlp);
    t.linear(layer + ".mlp.fc2", mlp, width);
  }
  t.norm("text_model.final_layer_norm", width);
  if (second)
    t.weight("text_projection", {1280, width});
  return t.all;
}

} // namespace vlm
