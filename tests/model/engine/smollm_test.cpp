// SPDX-License-Identifier: LGPL-2.1-or-later
// Real words: SmolLM2-135M-Instruct as a checkpoint without towers (LLaMA style, grouped queries,
// tied head, byte-level BPE). VLM_SMOLLM_DIR names its directory.
#include "model/core/error.h"
#include "model/engine/model.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace vlm {
namespace {

class SmolLm : public ::testing::Test {
protected:
  void SetUp() override {
    const char *directory = std::getenv("VLM_SMOLLM_DIR");
    if (!directory)
      GTEST_SKIP() << "VLM_SMOLLM_DIR does not name a checkpoint of SmolLM2-135M-Instruct";
    model_ = Model::load({directory, "cpu", "float32", 0});
    request_.template_name = "chatml_direct";
    request_.question = "What is the capital of France?";
    request_.max_tokens = 20;
  }
  std::shared_ptr<const Model> model_;
  Request request_;
};

TEST_F(SmolLm, AnswersAsHuggingFaceDoes) {
  const Result result = model_->generate(request_);
  EXPECT_EQ(result.text, "The capital of France is Paris.");
  EXPECT_EQ(result.stop_reason, StopReason::Eos);
}

TEST_F(SmolLm, RefusesAPicture) {
  request_.images = {{2, 2, std::vector<uint8_t>(12)}};
  try {
    model_->generate(request_);
    FAIL() << "was not refused";
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Unsupported);
    EXPECT_NE(std::string(error.what()).find("no vision tower"), std::string::npos) << error.what();
  }
}

} // namespace
} // namespace vlm
