// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/vae_encoder.h"

#include "model/core/error.h"
#include "model/generation/autoencoder.h"
#include "model/generation/latents.h"
#include "model/generation/vae_decoder.h"
#include "model/weights/model_folder.h"
#include "tests/model/generation/sdxl_case.h"

#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstdlib>

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

// The two halves, each of which is tested by itself.
TEST(Autoencoder, IsEncoderAndDecoderOfTheDirectory) {
  const c10::InferenceMode no_gradients;
  PainterOptions options;
  const SdxlCase pictures;
  options.path = pictures.directory();
  const auto autoencoder = Autoencoder::open(options);
  const std::string folder = data("sdxl/model/vae");
  const ModelFolder weights(folder);
  const VaeConfig config = read_vae_config(folder + "/config.json");
  const Image picture = to_image(pictures(0, "image"));
  const at::Tensor latents =
      VaeEncoder(Scope(weights, at::kFloat), config)(from_image(picture)).mean;
  const at::Tensor back =
      VaeDecoder(Scope(weights, at::kFloat), config)(latents * config.scaling_factor, {});
  EXPECT_EQ(autoencoder->reconstruct(picture).rgb,
            to_image((back.squeeze(0) / 2 + .5).clamp(0, 1)).rgb);
  EXPECT_THROW(autoencoder->reconstruct(Image{12, 8, std::vector<uint8_t>(3 * 96)}), Error);
}

// The embedded painter's was trained: a disc comes back as one.
TEST(Autoencoder, TheEmbeddedOneKeepsWhatIsSeen) {
  constexpr int kSide = 128;
  Image picture{kSide, kSide, std::vector<uint8_t>(3 * kSide * kSide, 200)};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      if ((x - 64) * (x - 64) + (y - 64) * (y - 64) < 40 * 40)
        for (int c : {1, 2}) // red
          picture.rgb[static_cast<size_t>(3 * (y * kSide + x) + c)] = 20;
  const Image back = Autoencoder::open({})->reconstruct(picture);
  ASSERT_EQ(back.rgb.size(), picture.rgb.size());
  double apart = 0;
  for (size_t i = 0; i < back.rgb.size(); ++i)
    apart += std::abs(int{back.rgb[i]} - int{picture.rgb[i]});
  EXPECT_LT(apart / static_cast<double>(back.rgb.size()), 8);
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
