// SPDX-License-Identifier: LGPL-2.1-or-later
// SDXL at its full size, without its memory: names, shapes and numbers of parameters.
#include "model/core/error.h"
#include "model/generation/clip_text.h"
#include "model/generation/unet.h"
#include "model/generation/vae_decoder.h"
#include "pipelines/programs/sdxl_shapes.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace vlm {
namespace {

/// Tensors that have a shape and no values.
class ShapesOnly : public StateDict {
public:
  explicit ShapesOnly(SdxlShapes shapes) : shapes_(std::move(shapes)) {}
  bool contains(const std::string &name) const override { return shapes_.count(name) > 0; }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto &[name, shape] : shapes_)
      out.push_back(name);
    return out;
  }
  std::vector<int64_t> shape(const std::string &name) const override {
    const auto found = shapes_.find(name);
    if (found == shapes_.end())
      fail(ErrorCategory::Format, "no tensor ", name);
    return found->second;
  }
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    return at::empty(shape(name), at::TensorOptions().dtype(dtype).device(at::kMeta));
  }
  std::string origin(const std::string &) const override { return "shapes"; }

  int64_t parameters() const {
    int64_t total = 0;
    for (const auto &[name, shape] : shapes_) {
      int64_t size = 1;
      for (const int64_t one : shape)
        size *= one;
      total += size;
    }
    return total;
  }

private:
  SdxlShapes shapes_;
};

/// Builds `Module` and returns the names it read, sorted.
template <typename Module, typename Config>
std::vector<std::string> names_read(const ShapesOnly &dict, const Config &config) {
  const c10::InferenceMode no_gradients;
  std::vector<std::string> used;
  const Module module(Scope(dict, at::kBFloat16, at::kMeta, &used), config);
  std::sort(used.begin(), used.end());
  return used;
}

UNetConfig full_unet() {
  UNetConfig config;
  config.levels = {{320, 5, 0}, {640, 10, 2}, {1280, 20, 10}};
  config.mid_transformer_depth = 10;
  config.cross_attention_dim = 2048;
  config.addition_time_embed_dim = 256;
  config.projection_class_embeddings_input_dim = 2816;
  return config;
}

TEST(Structure, FullUNetHasEveryParameterOnce) {
  const ShapesOnly dict(sdxl_unet_shapes());
  EXPECT_EQ(dict.parameters(), 2'567'463'684);
  EXPECT_EQ(names_read<UNet>(dict, full_unet()), dict.names());
}

TEST(Structure, FullVaeDecoder) {
  const ShapesOnly dict(sdxl_vae_decoder_shapes());
  VaeConfig config;
  config.block_out_channels = {128, 256, 512, 512};
  EXPECT_EQ(names_read<VaeDecoder>(dict, config), dict.names());
}

TEST(Structure, FullTextEncoders) {
  const ShapesOnly second(sdxl_text_encoder_shapes(true));
  EXPECT_EQ(second.parameters(), 694'659'840);
  EXPECT_EQ(names_read<ClipTextEncoder>(second, ClipTextConfig{1280, 32, 20, 49408, 1280, false}),
            second.names());
  // Of the first one only what the second-to-last hidden state needs.
  const ShapesOnly first(sdxl_text_encoder_shapes(false));
  EXPECT_EQ(first.parameters(), 123'060'480);
  const auto read = names_read<ClipTextEncoder>(first, ClipTextConfig{768, 12, 12, 49408, 0, true});
  EXPECT_EQ(read.size(), first.names().size() - 16 - 2);
}

} // namespace
} // namespace vlm
