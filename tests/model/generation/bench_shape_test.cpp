// SPDX-License-Identifier: LGPL-2.1-or-later
// What vlm-bench makes of SDXL's shape, as the model reads it; what it counts as the UNet's work.
#include "model/generation/prompt_encoder.h"
#include "model/generation/sdxl_config.h"
#include "pipelines/programs/bench_sdxl.h"
#include "pipelines/programs/sdxl_shapes.h"
#include "pipelines/programs/unet_work.h"

#include "tests/model/weights/scratch.h"

#include <gtest/gtest.h>

namespace vlm {
namespace {

TEST(SdxlSettings, AreTheReleasedModels) {
  const test::Scratch scratch;
  const std::string model = scratch.path("model");
  write_sdxl_settings(model);
  const UNetConfig unet = read_unet_config(model + "/unet/config.json");
  ASSERT_EQ(unet.levels.size(), 3u);
  const int64_t levels[3][3] = {{320, 5, 0}, {640, 10, 2}, {1280, 20, 10}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(unet.levels[i].channels, levels[i][0]);
    EXPECT_EQ(unet.levels[i].heads, levels[i][1]);
    EXPECT_EQ(unet.levels[i].transformer_depth, levels[i][2]);
  }
  EXPECT_EQ(unet.sample_size, 128);
  EXPECT_EQ(read_vae_config(model + "/vae/config.json").block_out_channels,
            (std::vector<int64_t>{128, 256, 512, 512}));
  EXPECT_EQ(read_scheduler_config(model + "/scheduler/scheduler_config.json").steps_offset, 1);
  const PromptEncoder encoder(model);
  EXPECT_EQ(encoder.width(), unet.cross_attention_dim);
  EXPECT_EQ(encoder.pooled_width(), unet.pooled_width());
  const auto ids = encoder.tokenize("the").of;
  EXPECT_EQ(std::vector<int64_t>(ids[0].ids.begin(), ids[0].ids.begin() + 1),
            (std::vector<int64_t>{49406}));
  EXPECT_EQ(ids[0].ids[3], 49407) << "th, e and the end";
  EXPECT_EQ(ids[0].ids[4], 49407) << "is the padding";
  EXPECT_EQ(ids[1].ids[4], 0) << "!";
}

TEST(UNetWork, IsCountedByPlace) {
  const double map = 6 * 5, half = 3 * 3; // 5 becomes 3
  const auto operations = [](const SdxlShapes &shapes) {
    SdxlShapes all = shapes;
    all["down_blocks.0.nothing.bias"] = {7};
    all["down_blocks.1.nothing.bias"] = {7};
    return unet_operations(all, 6, 5);
  };
  EXPECT_EQ(operations({}), 0);
  EXPECT_EQ(operations({{"conv_in.weight", {2, 3, 3, 3}}}), 2 * 54 * map);
  EXPECT_EQ(operations({{"down_blocks.0.downsamplers.0.conv.weight", {2, 2}}}), 2 * 4 * half);
  EXPECT_EQ(operations({{"up_blocks.0.resnets.0.conv1.weight", {2, 2}}}), 2 * 4 * half);
  EXPECT_EQ(operations({{"up_blocks.0.upsamplers.0.conv.weight", {2, 2}}}), 2 * 4 * map);
  EXPECT_EQ(operations({{"up_blocks.1.resnets.0.conv1.weight", {2, 2}}}), 2 * 4 * map);
  EXPECT_EQ(operations({{"mid_block.resnets.0.conv1.weight", {2, 2}}}), 2 * 4 * half);
  EXPECT_EQ(operations({{"mid_block.resnets.0.time_emb_proj.weight", {2, 5}}}), 20);
  EXPECT_EQ(operations({{"time_embedding.linear_1.weight", {2, 5}}}), 20);
  EXPECT_EQ(operations({{"mid_block.a.attn1.to_q.weight", {4, 4}}}),
            2 * 16 * half + 4 * half * half * 4);
  EXPECT_EQ(operations({{"mid_block.a.attn2.to_q.weight", {4, 4}}}),
            2 * 16 * half + 4 * half * 77 * 4);
  EXPECT_EQ(operations({{"mid_block.a.attn2.to_k.weight", {4, 3}}}), 2 * 12 * 77);
}

// 1024 x 1024 with guidance is known to take 6,763 multiplications of 10^9, half of them without.
TEST(UNetWork, OfSdxl) {
  EXPECT_NEAR(unet_operations(sdxl_unet_shapes(), 128, 128), 6.763e12, 5e9);
}

} // namespace
} // namespace vlm
