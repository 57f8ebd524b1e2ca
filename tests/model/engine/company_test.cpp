// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers made together are those made alone; pictures that are known are not looked at again.
#include "model/engine/model.h"
#include "model/vision/image_file.h"
#include "tests/support/fixture.h"

namespace vlm {
namespace {

struct Kind {
  const char *name, *precision;
};

void PrintTo(const Kind &kind, std::ostream *out) { *out << kind.name << " " << kind.precision; }

class Company : public ::testing::TestWithParam<Kind> {
protected:
  void SetUp() override {
    name_ = GetParam().name;
    model_ = Model::load({test::data(name_ + "/model"), "cpu", GetParam().precision, 0});
    const nlohmann::json reference = test::read_json(name_ + "/case.json");
    for (const auto &prompt : reference["prompts"]) {
      Request request;
      request.question = prompt["question"];
      request.max_tokens = prompt["max_tokens"];
      for (const auto &path : prompt["images"])
        request.images.push_back(load_image(test::data(name_ + "/" + path.get<std::string>())));
      requests_.push_back(std::move(request));
    }
  }

  std::string name_;
  std::shared_ptr<const Model> model_;
  std::vector<Request> requests_;
};

TEST_P(Company, ChangesNoAnswer) {
  std::vector<std::unique_ptr<Answer>> answers;
  for (const Request &request : requests_)
    answers.push_back(model_->begin(request, {}));
  ASSERT_GE(answers.size(), 3u);
  for (;;) {
    std::vector<Answer *> going;
    for (const auto &answer : answers)
      if (!answer->finished())
        going.push_back(answer.get());
    if (going.empty())
      break;
    model_->advance(going);
  }
  for (size_t i = 0; i < requests_.size(); ++i) {
    const Result together = answers[i]->take(), alone = model_->generate(requests_[i]);
    EXPECT_EQ(together.output_ids, alone.output_ids) << requests_[i].question;
    EXPECT_EQ(together.token_logprobs, alone.token_logprobs) << requests_[i].question;
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

INSTANTIATE_TEST_SUITE_P(Cases, Company,
                         ::testing::Values(Kind{"gemma", "float32"}, Kind{"vicuna", "bfloat16"},
                                           Kind{"mixtral", "float32"}, Kind{"vicuna-hd", "float32"},
                                           Kind{"yi", "bfloat16"}, Kind{"llama3", "int8"},
                                           Kind{"gemma", "int4"}, Kind{"mixtral", "int4"}),
                         [](const auto &info) {
                           std::string name = info.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + "_" + info.param.precision;
                         });

} // namespace
} // namespace vlm
