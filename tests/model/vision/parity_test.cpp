// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/image_file.h"
#include "model/vision/vision_model.h"

#include "model/core/error.h"
#include "model/weights/checkpoint.h"
#include "model/weights/model_config.h"
#include "tests/model/vision/tensors.h"
#include "tests/support/fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace vlm {
namespace {

/// Compares one prompt's tensors and prints a line with the largest differences.
class Comparison {
public:
  Comparison(std::string title, const test::Fixture &expected, const nlohmann::json &tolerances)
      : line_(std::move(title)), expected_(expected), tolerances_(tolerances) {}
  ~Comparison() { std::printf("%s\n", line_.c_str()); }

  void operator()(const std::string &prompt, const std::string &name, const at::Tensor &got) {
    if (!expected_.contains(prompt + name)) // large tensors are stored once
      return;
    double worst = 0;
    EXPECT_TRUE(test::near(got, expected_[prompt + name],
                           tolerances_.at(name).at("atol").get<double>(), &worst))
        << line_ << " " << name;
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), " %s %.1e", name.c_str(), worst);
    line_ += text.data();
  }

private:
  std::string line_;
  const test::Fixture &expected_;
  const nlohmann::json &tolerances_;
};

class Parity : public ::testing::TestWithParam<const char *> {};

/// All pictures of a prompt, one after the other, as one batch.
VisionFeatures run(const VisionModel &model, const std::string &folder,
                   const nlohmann::json &images, PixelValues &pixels) {
  VisionFeatures all;
  std::vector<at::Tensor> lr, hr, features, mined, tokens;
  for (const auto &path : images) {
    const PixelValues one = preprocess(load_image(test::data(folder + path.get<std::string>())),
                                       model.config(), model.vision_tower().image_size());
    lr.push_back(one.images);
    hr.push_back(one.images_aux);
    all = model(one);
    features.push_back(all.vision_features);
    mined.push_back(all.mined);
    tokens.push_back(all.visual_tokens);
  }
  pixels = {at::cat(lr), at::cat(hr)};
  all.vision_features = at::cat(features);
  all.mined = at::cat(mined);
  all.visual_tokens = at::cat(tokens);
  return all;
}

TEST_P(Parity, EveryPrompt) {
  const c10::InferenceMode no_gradients;
  const std::string folder = GetParam() + std::string("/");
  const nlohmann::json test_case = test::read_json(folder + "case.json");
  const Checkpoint checkpoint(test::data(folder + "model"));
  const ModelConfig config = read_model_config(checkpoint.directory(), checkpoint);
  const VisionModel model(Scope(checkpoint, at::kFloat).sub("model"), config.vision,
                          config.decoder.hidden_size);
  const test::Fixture expected(folder + "expected.safetensors");
  int compared = 0;
  for (size_t i = 0; i < test_case.at("prompts").size(); ++i) {
    const nlohmann::json &images = test_case["prompts"][i].at("images");
    if (images.empty())
      continue;
    PixelValues pixels;
    const VisionFeatures got = run(model, folder, images, pixels);
    const std::string prompt = "p" + std::to_string(i) + ".";
    Comparison compare(folder + prompt, expected, test_case.at("tolerances"));
    compare(prompt, "images", pixels.images);
    compare(prompt, "images_aux", pixels.images_aux);
    compare(prompt, "vision_features", got.vision_features);
    compare(prompt, "vision_aux_features", concat_stages(got.stages));
    compare(prompt, "mined", got.mined);
    compare(prompt, "visual_tokens", got.visual_tokens);
    EXPECT_EQ(got.visual_tokens.size(1), model.tokens_per_image());
    ++compared;
  }
  EXPECT_GE(compared, 2);
}

INSTANTIATE_TEST_SUITE_P(Cases, Parity, ::testing::ValuesIn(test::kReferenceModels),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// Mining and projector on given features; HD order as in VisionModel.
class MicroMining : public ::testing::TestWithParam<const char *> {};

TEST_P(MicroMining, EqualsReference) {
  const test::Fixture fixture(std::string("micro/") + GetParam() + ".safetensors");
  test::Tensors weights;
  for (const char *part : {"query", "aux", "val"})
    for (const char *name : {"0.weight", "0.bias", "1.weight", "1.bias"}) {
      const std::string full = std::string("vlm_uni_") + part + "_projector." + name;
      weights.all[full] = fixture[full];
    }
  for (const char *name : {"0.weight", "0.bias", "2.weight", "2.bias"})
    weights.all[std::string("mm_projector.") + name] = fixture[std::string("mm_projector.") + name];
  const Scope scope(weights, at::kFloat);
  const PatchInfoMining mining(scope, 24, {20});
  const at::Tensor x = fixture["X"];
  const std::vector<at::Tensor> stages = {fixture["Y"].permute({0, 2, 3, 1})};
  const int64_t grid = x.size(0) > 1 ? 2 : 1; // mine_views with one view is the plain form
  const at::Tensor mined = mine_views(mining, x, stages, grid);
  double mined_worst = 0, tokens_worst = 0;
  EXPECT_TRUE(test::near(mined, fixture["mined"], 2e-5, &mined_worst));
  EXPECT_TRUE(test::near(Projector(scope, "mlp2x_gelu", 24, 16)(mined), fixture["visual_tokens"],
                         2e-5, &tokens_worst));
  std::printf("micro/%s: mined %.1e visual_tokens %.1e\n", GetParam(), mined_worst, tokens_worst);
}

INSTANTIATE_TEST_SUITE_P(Cases, MicroMining,
                         ::testing::Values("mining", "mining_hd", "mining_hd_local"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace vlm
