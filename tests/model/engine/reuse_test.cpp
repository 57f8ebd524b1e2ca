// SPDX-License-Identifier: LGPL-2.1-or-later
// Reuse changes no answer: every token and its probability are those of a model that reuses
// nothing.
#include "tests/model/engine/reference_models.h"

namespace vlm::test {
namespace {

constexpr Reuse kNone{false, false, false, false};

class ReuseTest : public ReferenceModel {
protected:
  void SetUp() override {
    ReferenceModel::SetUp();
    for (Request &request : requests_)
      request.max_tokens = 48;
  }

  Result plain(Request request) const {
    request.reuse = kNone;
    request.memory.reset();
    const Result out = model_->generate(request);
    EXPECT_EQ(out.reused.drafted + out.reused.positions + out.reused.pictures, 0);
    return out;
  }
  void expect_same(const Result &got, const Result &want) const {
    EXPECT_EQ(got.text, want.text);
    EXPECT_EQ(got.output_ids, want.output_ids);
    EXPECT_EQ(got.token_logprobs, want.token_logprobs);
    EXPECT_EQ(got.stop_reason, want.stop_reason);
  }
};

TEST_P(ReuseTest, ChangesNoAnswer) {
  for (const Request &request : requests_) {
    SCOPED_TRACE(request.question);
    const Result want = plain(request);
    for (int time = 0; time < 3; ++time) {
      const Result got = model_->generate(request);
      expect_same(got, want);
      if (time == 0)
        continue;
      // All that was drafted from the same answer is right.
      EXPECT_GE(got.reused.accepted, static_cast<int64_t>(want.output_ids.size()) / 2);
      EXPECT_EQ(got.reused.pictures, static_cast<int64_t>(request.images.size()));
      EXPECT_EQ(got.timings.vision, 0);
      EXPECT_EQ(got.reused.positions > 0, !request.images.empty());
    }
  }
}

TEST_P(ReuseTest, WhateverElseWasAskedBefore) {
  std::vector<Result> want;
  for (const Request &request : requests_)
    want.push_back(plain(request));
  for (int time = 0; time < 2; ++time)
    for (size_t i = 0; i < requests_.size(); ++i)
      expect_same(model_->generate(requests_[i]), want[i]);
  // Drafts from answers to other questions, wherever they part.
  for (size_t i = 0; i < requests_.size(); ++i) {
    Request request = requests_[i];
    request.client = 7;
    expect_same(model_->generate(request), want[i]);
  }
}

TEST_P(ReuseTest, InCompanyToo) {
  std::vector<Result> want;
  for (const Request &request : requests_)
    want.push_back(plain(request));
  for (int time = 0; time < 2; ++time) {
    const std::vector<Result> got = together(*model_, requests_);
    int64_t passes = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      expect_same(got[i], want[i]);
      passes += got[i].reused.passes;
    }
    EXPECT_EQ(got[0].reused.passes, 0) << "began first";
    EXPECT_GT(passes, 0);
  }
}

TEST_P(ReuseTest, QuestionsShareWhatWasReadOfAPicture) {
  for (Request request : requests_) {
    if (request.images.empty())
      continue;
    Request other = request;
    other.question = "And what else is there?";
    const Result want = plain(request), want_other = plain(other);
    request.memory = other.memory = std::make_shared<PictureMemory>();
    expect_same(model_->generate(request), want);
    const Result got = model_->generate(other);
    expect_same(got, want_other);
    EXPECT_GE(got.reused.positions, model_->info().tokens_per_image);
    other.reuse = kNone;
    EXPECT_EQ(model_->generate(other).reused.positions, 0);
  }
}

TEST_P(ReuseTest, AnswersEndWhereTheyWould) {
  Request request = requests_.front();
  request.max_tokens = 20;
  model_->generate(request);
  for (request.max_tokens = 1; request.max_tokens <= 20; ++request.max_tokens)
    expect_same(model_->generate(request), plain(request));
}

TEST_P(ReuseTest, SampledAnswersAreTheSameToo) {
  for (Request request : requests_) {
    request.sampling.temperature = .7;
    request.sampling.seed = 5;
    const Result want = plain(request);
    for (int time = 0; time < 2; ++time)
      expect_same(model_->generate(request), want);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, ReuseTest, reference_kinds(), reference_name);

/// The embedded model on a scene that changes slowly: part of a picture, a little further each
/// time.
class ReuseOfCaptions : public ::testing::TestWithParam<const char *> {
protected:
  Image scene(int step) const {
    const int size = 200, x = 3 * step % (picture_.width - size),
              y = step % (picture_.height - size);
    Image out{size, size, {}};
    for (int row = y; row < y + size; ++row) {
      const auto from = picture_.rgb.begin() + 3 * (row * picture_.width + x);
      out.rgb.insert(out.rgb.end(), from, from + 3 * size);
    }
    return out;
  }
  const Image picture_ = load_image(data("../../pipelines/captioned.jpg"));
};

TEST_P(ReuseOfCaptions, NoneOfManyDiffers) {
  const auto model = Model::load({"", "cpu", GetParam(), 0});
  const std::vector<std::string> questions = {"Describe this image.", "What colors are there?",
                                              "How many things are there?"};
  int64_t captions = 0, mismatches = 0, drafted = 0, accepted = 0, positions = 0;
  constexpr int kSteps = 170; // with the questions 2,040 captions in the four precisions
  for (int step = 0; step < kSteps; ++step) {
    const auto memory = std::make_shared<PictureMemory>();
    for (const std::string &question : questions) {
      Request request;
      request.images = {scene(step)};
      request.question = question;
      request.max_tokens = 40;
      request.memory = memory; // the encoders are not what is tested
      const Result fast = model->generate(request);
      request.reuse = kNone;
      const Result plain = model->generate(request);
      ++captions;
      mismatches +=
          fast.output_ids != plain.output_ids || fast.token_logprobs != plain.token_logprobs;
      drafted += fast.reused.drafted;
      accepted += fast.reused.accepted;
      positions += fast.reused.positions;
    }
  }
  EXPECT_EQ(mismatches, 0) << "of " << captions;
  EXPECT_GT(accepted, 0);
  EXPECT_LE(accepted, drafted);
  EXPECT_GT(positions, 0);
  RecordProperty("captions", std::to_string(captions));
  RecordProperty("drafted", std::to_string(drafted));
  RecordProperty("accepted", std::to_string(accepted));
}

INSTANTIATE_TEST_SUITE_P(Precisions, ReuseOfCaptions,
                         ::testing::Values("float32", "bfloat16", "int8", "int4"),
                         [](const auto &info) { return std::string(info.param); });

TEST(ReuseOfJson, ChangesNoAnswer) {
  const auto model = Model::load({});
  Request request;
  request.images = {load_image(data("../../pipelines/captioned.jpg"))};
  request.question = "What is in the picture?";
  request.max_tokens = 100;
  request.json_schema = R"({"type":"object","properties":{"what":{"type":"string"},
      "many":{"type":"boolean"}},"required":["what","many"]})";
  request.reuse = kNone;
  const Result plain = model->generate(request);
  request.reuse = {};
  for (int time = 0; time < 3; ++time) {
    const Result got = model->generate(request);
    EXPECT_EQ(got.text, plain.text);
    EXPECT_EQ(got.output_ids, plain.output_ids);
    EXPECT_EQ(got.token_logprobs, plain.token_logprobs);
    if (time > 0) {
      EXPECT_GT(got.reused.accepted, 0);
    }
  }
}

} // namespace
} // namespace vlm::test
