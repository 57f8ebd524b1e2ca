// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/vae_encoder.h"
#include "model/weights/model_folder.h"
#include "tests/model/generation/sdxl_case.h"

#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

namespace vlm::test {
namespace {

TEST(VaeEncoder, EqualsDiffusers) {
  const c10::InferenceMode no_gradients;
  const std::string folder = data("sdxl/model/vae");
  const ModelFolder weights(folder);
  const VaeEncoder encoder(Scope(weights, at::kFloat), read_vae_config(folder + "/config.json"));
  const Fixture expected("sdxl/vae_encoder.safetensors");
  const SdxlCase pictures;
  for (size_t i = 0; i < 2; ++i) {
    const auto got = encoder((pictures(i, "image") * 2 - 1).unsqueeze(0));
    const std::string prefix = "p" + std::to_string(i);
    double worst = 0;
    EXPECT_TRUE(near(got.mean, expected[prefix + ".mean"], 2e-5, &worst)) << worst;
    EXPECT_TRUE(near(got.logvar, expected[prefix + ".logvar"], 2e-5, &worst)) << worst;
  }
}

// With the decoder it reads every tensor of the folder once.
TEST(VaeEncoder, ReadsWhatTheDecoderLeaves) {
  const std::string folder = data("sdxl/model/vae");
  const ModelFolder weights(folder);
  std::vector<std::string> used;
  const VaeEncoder encoder(Scope(weights, at::kFloat, at::kCPU, &used),
                           read_vae_config(folder + "/config.json"));
  size_t decoders = 0;
  for (const std::string &name : weights.names())
    decoders += name.rfind("decoder.", 0) == 0 || name.rfind("post_quant_conv.", 0) == 0;
  EXPECT_EQ(used.size() + decoders, weights.names().size());
}

} // namespace
} // namespace vlm::test
