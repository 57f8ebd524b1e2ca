// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/vision_model.h"

#include "model/core/error.h"
#include "model/core/machine.h"
#include "model/weights/checkpoint.h"
#include "tests/model/vision/tensors.h"
#include "tests/support/fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include <functional>

namespace vlm {
namespace {

const std::string kClip = "vision_tower.vision_tower.vision_model.";

/// The "gemma" case's weights, some of which a test may replace.
class Towers : public ::testing::Test {
protected:
  Towers() {
    const Checkpoint checkpoint(test::data("gemma/model"));
    for (const std::string &name : checkpoint.names())
      if (name.rfind("model.", 0) == 0 && name.rfind("model.layers", 0) != 0)
        weights_.all[name.substr(6)] = checkpoint.load(name, at::kFloat);
    config_.image_size_aux = 128;
  }
  VisionModel model(at::ScalarType type = at::kFloat) const {
    return VisionModel(Scope(weights_, type), config_, 64);
  }
  void expect_error(ErrorCategory category, const std::string &text) const {
    try {
      model();
      ADD_FAILURE() << "no error, expected " << text;
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), category) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }
  test::Tensors weights_;
  VisionConfig config_;
};

PixelValues noise() { return {at::randn({1, 3, 56, 56}), at::randn({1, 3, 128, 128})}; }

TEST_F(Towers, SizesComeFromTheTensors) {
  const VisionModel vision = model();
  EXPECT_EQ(vision.vision_tower().image_size(), 56);
  EXPECT_EQ(vision.vision_tower().hidden_size(), 128);
  EXPECT_EQ(vision.vision_tower_aux()->dims(), std::vector<int64_t>({16, 32, 48, 64}));
  EXPECT_EQ(vision.tokens_per_image(), 16);
  config_.image_grid = 2;
  EXPECT_EQ(model().tokens_per_image(), 64);
  config_.image_global = true;
  EXPECT_EQ(model().tokens_per_image(), 80);
}

TEST_F(Towers, Bfloat16Weights) {
  const c10::InferenceMode no_gradients;
  const PixelValues pixels = noise();
  const at::Tensor want = model()(pixels).visual_tokens;
  // The case's weights are bfloat16 values: without native products nothing is rounded.
  const double part = cpu_has_bf16() ? 0.05 : 1e-4;
  EXPECT_TRUE(test::near(model(at::kBFloat16)(pixels).visual_tokens, want,
                         part * want.abs().max().item<double>()));
}

TEST_F(Towers, GradientModeChangesNothing) {
  const PixelValues pixels = noise();
  const at::Tensor with = model()(pixels).mined;
  const c10::InferenceMode no_gradients;
  EXPECT_TRUE(test::near(model()(pixels).mined, with, 1e-5));
}

TEST_F(Towers, BatchesEqualSinglePictures) {
  const c10::InferenceMode no_gradients;
  const VisionModel vision = model();
  const PixelValues two = {at::randn({2, 3, 56, 56}), at::randn({2, 3, 128, 128})};
  const at::Tensor both = vision(two).visual_tokens;
  for (int64_t i = 0; i < 2; ++i) {
    const PixelValues one = {two.images.narrow(0, i, 1), two.images_aux.narrow(0, i, 1)};
    EXPECT_TRUE(test::near(vision(one).visual_tokens, both.narrow(0, i, 1), 1e-4));
  }
}

TEST_F(Towers, WithoutHighResolutionTower) {
  config_.image_size_aux = 0;
  const VisionModel vision = model();
  EXPECT_FALSE(vision.vision_tower_aux());
  const VisionFeatures out = vision({at::randn({1, 3, 56, 56}), {}});
  EXPECT_TRUE(out.mined.equal(out.vision_features));
  config_.keep_class_token = true;
  EXPECT_EQ(model()({at::randn({1, 3, 56, 56}), {}}).visual_tokens.size(1), 17);
  EXPECT_EQ(model().tokens_per_image(), 17);
}

TEST_F(Towers, StopsWhenCancelled) {
  const CancelToken cancel;
  cancel.cancel();
  const VisionModel vision = model();
  EXPECT_THROW(vision.vision_tower()(noise().images, cancel), Error);
  EXPECT_THROW((*vision.vision_tower_aux())(noise().images_aux, cancel), Error);
}

TEST_F(Towers, RefusesContradictingConfigurations) {
  config_.select_layer = -6;
  expect_error(ErrorCategory::Settings, "mm_vision_select_layer -6");
  config_.select_layer = 5;
  expect_error(ErrorCategory::Settings, "mm_vision_select_layer 5");
  config_ = {};
  config_.image_size_aux = 128;
  config_.keep_class_token = true;
  expect_error(ErrorCategory::Unsupported, "cls_patch");
  config_ = {};
  config_.image_grid = 2;
  expect_error(ErrorCategory::Unsupported, "image_grid 2");
}

TEST_F(Towers, RefusesWrongShapes) {
  const std::string positions = kClip + "embeddings.position_embedding.weight";
  const test::Tensors whole = weights_;
  weights_.all[positions] = at::randn({18, 128});
  expect_error(ErrorCategory::Format, positions);
  weights_ = whole;
  weights_.all["vision_tower_aux.vision_stages.2.blocks.1.gamma"] = at::randn({47});
  expect_error(ErrorCategory::Format, "vision_stages.2.blocks.1.gamma");
  weights_ = whole;
  weights_.all["vision_tower_aux.vision_stem.0.weight"] = at::randn({16, 3, 4});
  expect_error(ErrorCategory::Format, "vision_stem.0.weight");
  weights_ = whole;
  weights_.all["vlm_uni_val_projector.1.weight"] = at::randn({128, 161});
  expect_error(ErrorCategory::Format, "vlm_uni_val_projector.1.weight");
}

TEST(Projector, Types) {
  test::Tensors weights;
  weights.all["mm_projector.weight"] = at::ones({3, 2});
  weights.all["mm_projector.bias"] = at::ones({3});
  const Scope scope(weights, at::kFloat);
  const at::Tensor x = at::ones({1, 1, 2});
  EXPECT_TRUE(test::near(Projector(scope, "linear", 2, 3)(x), at::ones({1, 1, 3}) * 3, 1e-6));
  EXPECT_TRUE(test::near(Projector(scope, "identity", 2, 2)(x), x, 0));
  EXPECT_THROW(Projector(scope, "identity", 2, 3), Error);
  for (const char *type : {"mlp0x_gelu", "mlp2x_relu", "mlp2x_gelu2", "resampler", ""})
    EXPECT_THROW(Projector(scope, type, 2, 3), Error) << type;
}

} // namespace
} // namespace vlm
