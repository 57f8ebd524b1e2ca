// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers made together are those made alone; pictures that are known are not looked at again.
#include "tests/model/engine/reference_models.h"

namespace vlm::test {
namespace {

class Company : public ReferenceModel {};

TEST_P(Company, ChangesNoAnswer) {
  ASSERT_GE(requests_.size(), 3u);
  const std::vector<Result> results = together(*model_, requests_);
  for (size_t i = 0; i < requests_.size(); ++i) {
    const Result alone = model_->generate(requests_[i]);
    EXPECT_EQ(results[i].output_ids, alone.output_ids) << requests_[i].question;
    EXPECT_EQ(results[i].token_logprobs, alone.token_logprobs) << requests_[i].question;
  }
}

TEST_P(Company, KnownPicturesAreNotLookedAtAgain) {
  int with_pictures = 0;
  for (Request request : requests_) {
    if (request.images.empty())
      continue;
    ++with_pictures;
    const Result plain = model_->generate(request);
    request.memory = std::make_shared<PictureMemory>();
    Request look = request;
    look.max_tokens = 0;
    EXPECT_EQ(model_->generate(look).text, "");
    for (int time = 0; time < 3; ++time) { // from the tokens; then from the conversation too
      const Result again = model_->generate(request);
      EXPECT_EQ(again.timings.vision, 0);
      EXPECT_EQ(again.prompt_positions, plain.prompt_positions);
      EXPECT_EQ(again.text, plain.text) << "time " << time;
    }
    Request other = request;
    other.question = "And what else is there?";
    const Result shared = model_->generate(other);
    other.memory.reset();
    EXPECT_EQ(shared.text, model_->generate(other).text);
  }
  EXPECT_GT(with_pictures, 0);
}

INSTANTIATE_TEST_SUITE_P(Cases, Company, reference_kinds(), reference_name);

} // namespace
} // namespace vlm::test
