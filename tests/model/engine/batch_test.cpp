// SPDX-License-Identifier: LGPL-2.1-or-later
// Who gets a turn and when, on scripted models: no weights, no clock.
#include "model/engine/batch.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vlm {
namespace {

Job job(const std::string &question, uint64_t client = 0, double weight = 1) {
  Job out;
  out.request.question = question;
  out.request.client = client;
  out.request.weight = weight;
  return out;
}

std::string drain(FairQueue &queue) {
  std::string order;
  while (const auto next = queue.pop())
    order += next->request.question;
  return order;
}

TEST(FairQueue, ClientsTakeTurns) {
  FairQueue queue;
  for (const char *question : {"a", "b", "c"})
    queue.push(job(question, 1));
  queue.push(job("x", 2));
  queue.push(job("y", 2));
  EXPECT_EQ(drain(queue), "axbyc");
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, TurnsFollowWeights) {
  FairQueue queue;
  for (int i = 0; i < 6; ++i) {
    queue.push(job("a", 1, 2));
    queue.push(job("b", 2, 1));
  }
  const std::string order = drain(queue).substr(0, 6);
  EXPECT_EQ(std::count(order.begin(), order.end(), 'a'), 4) << order;
}

TEST(FairQueue, AClientThatWasAwayHasSavedNothing) {
  FairQueue queue;
  for (int i = 0; i < 4; ++i)
    queue.push(job("a", 1));
  queue.pop();
  queue.pop();
  queue.push(job("b", 2));
  queue.push(job("b", 2));
  queue.push(job("b", 2));
  EXPECT_EQ(drain(queue), "babab");
}

// Everyone's frames are too old by the time of their turn; who brings a newer one at once is served
// with it. Otherwise the one that was answered would be the only one in time, for ever.
TEST(FairQueue, WhatComesTooLateTakesNoTurn) {
  FairQueue queue;
  const auto push = [&queue](const char *question, uint64_t client, bool late) {
    Job made = job(question, client);
    if (late)
      made.request.deadline = std::chrono::steady_clock::time_point();
    queue.push(std::move(made));
  };
  push("a", 1, true);
  push("b", 2, true);
  push("c", 3, false);
  EXPECT_EQ(queue.pop()->request.question, "a");
  push("A", 1, false);
  EXPECT_EQ(queue.pop()->request.question, "A");
  push("d", 1, false); // its turn is over
  EXPECT_EQ(queue.pop()->request.question, "b");
  EXPECT_EQ(queue.pop()->request.question, "c"); // nothing new of 2
  push("B", 2, false);
  EXPECT_EQ(drain(queue), "dB");
}

TEST(FairQueue, WhatWaitsBehindALateJobTakesItsTurn) {
  FairQueue queue;
  Job late = job("a", 1);
  late.request.deadline = std::chrono::steady_clock::time_point();
  queue.push(std::move(late));
  queue.push(job("x", 2));
  queue.push(job("b", 1));
  queue.push(job("c", 1));
  EXPECT_EQ(drain(queue), "abxc");
}

/// Tokens are counted only. A question is how many tokens its answer has; "!" fails at the end.
class CountingModel : public Model {
public:
  struct Count : Answer {
    int left = 0;
    bool fails = false;
    CancelToken cancel;
    bool finished() const override { return left == 0 || cancel.cancelled(); }
    Result take() override {
      if (fails)
        throw std::runtime_error("this one");
      Result result;
      result.stop_reason = left > 0 ? StopReason::Cancelled : StopReason::Eos;
      return result;
    }
  };

  const ModelInfo &info() const override { return info_; }
  std::unique_ptr<Answer> begin(Request request, const Pace &pace) const override {
    ++begun;
    for (int layer = 0; layer < layers; ++layer)
      pace.check();
    auto answer = std::make_unique<Count>();
    answer->left = std::stoi(request.question);
    answer->fails = request.question.back() == '!';
    answer->cancel = request.cancel;
    return answer;
  }
  void advance(const std::vector<Answer *> &answers) const override {
    passes.push_back(answers.size());
    for (Answer *answer : answers)
      --static_cast<Count *>(answer)->left;
  }

  int layers = 0;
  mutable int begun = 0;
  mutable std::vector<size_t> passes;

private:
  ModelInfo info_;
};

class BatchTest : public ::testing::Test {
protected:
  Job expect(const std::string &question) {
    Job out = job(question);
    out.done = [this, question](std::unique_ptr<Result> result, std::exception_ptr error) {
      ends_ += question + (error                                          ? " failed;"
                           : result->stop_reason == StopReason::Cancelled ? " cancelled;"
                                                                          : " ok;");
    };
    return out;
  }

  CountingModel model_;
  CancelToken closing_;
  Batch batch_{model_, closing_};
  std::string ends_;
};

TEST_F(BatchTest, OnePassGivesEveryoneAToken) {
  for (const char *question : {"3", "1", "2"})
    batch_.start(expect(question));
  while (!batch_.empty())
    batch_.step();
  EXPECT_EQ(model_.passes, (std::vector<size_t>{3, 2, 1}));
  EXPECT_EQ(ends_, "1 ok;2 ok;3 ok;");
}

TEST_F(BatchTest, WhoSharesNothingHasPassesOfItsOwn) {
  for (const bool shares : {true, false, true}) {
    Job next = expect("1");
    next.request.reuse.batch = shares;
    batch_.start(std::move(next));
  }
  batch_.step();
  EXPECT_EQ(model_.passes, (std::vector<size_t>{1, 2}));
  EXPECT_EQ(ends_, "1 ok;1 ok;1 ok;");
}

TEST_F(BatchTest, AnswersGoOnWhileAPromptIsRead) {
  batch_.start(expect("1"));
  model_.layers = 4;
  batch_.start(expect("1"));
  EXPECT_EQ(ends_, "1 ok;");
  EXPECT_FALSE(batch_.empty());
}

TEST_F(BatchTest, AFailureIsNotTheOthers) {
  batch_.start(expect("1!"));
  batch_.start(expect("1"));
  batch_.step();
  EXPECT_EQ(ends_, "1! failed;1 ok;");
}

TEST_F(BatchTest, WhatComesTooLateIsNotBegun) {
  Job late = expect("1");
  late.request.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  batch_.start(std::move(late));
  EXPECT_EQ(ends_, "1 failed;");
  EXPECT_EQ(model_.begun, 0);
}

TEST_F(BatchTest, ClosingEndsTheAnswers) {
  batch_.start(expect("9"));
  closing_.cancel();
  batch_.step();
  EXPECT_EQ(ends_, "9 cancelled;");
  EXPECT_TRUE(batch_.empty());
  model_.layers = 1;
  batch_.start(expect("1"));
  EXPECT_EQ(ends_, "9 cancelled;1 failed;");
}

} // namespace
} // namespace vlm
