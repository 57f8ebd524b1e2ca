// SPDX-License-Identifier: LGPL-2.1-or-later
// What vlm-bench counts as a caption's work, against figures that were reckoned by hand from the
// released models' configurations.
#include "pipelines/programs/bench_shapes.h"
#include "pipelines/programs/caption_work.h"

#include <gtest/gtest.h>

namespace vlm {
namespace {

constexpr int64_t kPositions = 636;

ModelConfig config_of(int64_t layers, int64_t heads, int64_t kv_heads, int64_t head_dim) {
  ModelConfig config;
  config.has_vision = true;
  config.vision.image_size_aux = 768;
  config.decoder.num_hidden_layers = layers;
  config.decoder.num_attention_heads = heads;
  config.decoder.num_key_value_heads = kv_heads;
  config.decoder.head_dim = head_dim;
  return config;
}

ModelConfig gemma() {
  ModelConfig config = config_of(18, 8, 1, 256);
  config.decoder.tie_word_embeddings = true;
  return config;
}

// 10^9 operations, and 10^9 bytes without keys and values.
void expect(CaptionWork work, const std::map<std::string, double> &operations) {
  for (const auto &[stage, wanted] : operations)
    EXPECT_NEAR(work.operations.at(stage) / 1e9, wanted, .005 * wanted) << stage;
}

double weights_read(const std::string &shape, const ModelConfig &config, const char *precision) {
  return caption_work(shape_tensors(shape), config, precision, 0).token_bytes / 1e9;
}

TEST(CaptionWork, OfGemma2B) {
  expect(caption_work(shape_tensors("MGM-2B"), gemma(), "bfloat16", kPositions),
         {{"vision_tower", 366},
          {"vision_tower_aux", 808},
          {"mining", 8.4},
          {"projector", 7.25},
          {"prefill", 2552}});
  EXPECT_NEAR(weights_read("MGM-2B", gemma(), "float32"), 10.02, .01);
  EXPECT_NEAR(weights_read("MGM-2B", gemma(), "bfloat16"), 5.01, .01);
  EXPECT_NEAR(weights_read("MGM-2B", gemma(), "int8"), 2.51, .01);
  // Layers of 1.98 in 4.5 bits, the head of 0.524 in 8.
  EXPECT_NEAR(weights_read("MGM-2B", gemma(), "int4"), 1.98 * 4.5 / 8 + .524, .01);
}

TEST(CaptionWork, OfLlama7B) {
  const ModelConfig config = config_of(32, 32, 32, 128);
  const auto shapes = shape_tensors("MGM-7B");
  expect(caption_work(shapes, config, "int8", kPositions),
         {{"projector", 24.2}, {"prefill", 8344}});
  EXPECT_NEAR(weights_read("MGM-7B", config, "int8"), 6.61, .01);
  EXPECT_NEAR((caption_work(shapes, config, "int8", kPositions).token_bytes -
               caption_work(shapes, config, "int8", 0).token_bytes) /
                  kPositions,
              512 << 10, 1);
}

TEST(CaptionWork, OfExpertsCountsThoseThatAreChosen) {
  ModelConfig config = config_of(32, 32, 8, 128);
  config.decoder.num_local_experts = 8;
  config.decoder.num_experts_per_tok = 2;
  EXPECT_NEAR(weights_read("MGM-8x7B", config, "int8"), 12.75, .05);
}

// Four crops and the whole picture, of a map four times as large.
TEST(CaptionWork, OfHd) {
  ModelConfig config = config_of(32, 32, 32, 128);
  config.vision.image_size_aux = 1536;
  config.vision.image_grid = 2;
  config.vision.image_global = true;
  expect(caption_work(shape_tensors("MGM-7B-HD"), config, "int8", kPositions),
         {{"vision_tower", 5 * 366},
          {"vision_tower_aux", 4 * 808},
          {"mining", 5 * 8.43},
          {"projector", 5 * 24.2}});
}

} // namespace
} // namespace vlm
