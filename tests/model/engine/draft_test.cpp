// SPDX-License-Identifier: LGPL-2.1-or-later
// What is foretold, and how much of it.
#include "model/engine/draft.h"

#include <gtest/gtest.h>

namespace vlm {
namespace {

const TokenIds kPrompt = {1, 50, 51, 52, 53};
constexpr double kCheap = .01;

TEST(Recent, TheOneNotAskedForTheLongestGoes) {
  Recent<int, int> recent(2);
  recent.add(1, 10);
  recent.add(2, 20);
  EXPECT_EQ(*recent.find(1), 10);
  recent.add(3, 30);
  EXPECT_EQ(recent.find(2), nullptr);
  EXPECT_EQ(*recent.find(1), 10);
  recent.add(3, 31);
  EXPECT_EQ(*recent.newest(), 31);
  EXPECT_EQ(*recent.find(1), 10);
}

class DrafterTest : public ::testing::Test {
protected:
  void answered(const TokenIds &prompt, const TokenIds &answer) {
    Drafter(past_, prompt).finish(answer);
  }
  TokenIds next(const TokenIds &said, int64_t most = 30) {
    return Drafter(past_, kPrompt).next(said, most, kCheap);
  }
  std::shared_ptr<PastAnswers> past_ = std::make_shared<PastAnswers>();
};

TEST_F(DrafterTest, FirstAnswersHaveOnlyTheirPrompt) {
  EXPECT_EQ(next({7}), TokenIds());
  EXPECT_EQ(next({7, 50, 51}), (TokenIds{52, 53}));
}

TEST_F(DrafterTest, FollowsTheLastAnswerToTheSamePrompt) {
  answered(kPrompt, {7, 8, 9, 10, 11});
  answered({1, 2}, {7, 20, 21});
  EXPECT_EQ(next({7}), (TokenIds{8, 9, 10, 11}));
  EXPECT_EQ(next({7}, 2), (TokenIds{8, 9}));
  EXPECT_EQ(next({7}, 0), TokenIds());
  EXPECT_EQ(next({7, 8, 9, 10, 11}), TokenIds()); // a stop, if it ends alike
}

TEST_F(DrafterTest, ElseTheLastAnswerToAny) {
  answered({1, 2}, {7, 8, 9});
  EXPECT_EQ(next({7}), (TokenIds{8, 9}));
}

TEST_F(DrafterTest, AfterADifferenceTheLongestMatchCounts) {
  answered(kPrompt, {7, 8, 9, 5, 10, 8, 9, 6});
  EXPECT_EQ(next({7, 30, 10, 8, 9}), (TokenIds{6}));
  EXPECT_EQ(next({7, 30, 7, 8, 9}, 2), (TokenIds{5, 10}));
  EXPECT_EQ(next({7, 30, 31}), TokenIds());
}

TEST_F(DrafterTest, SureDraftsAreLongerAndFailingOnesEnd) {
  Odds odds(.5);
  const int64_t first = odds.length(.1, false);
  odds.learn(30, false);
  EXPECT_GT(odds.length(.1, false), first);
  for (int i = 0; i < 60; ++i)
    odds.learn(0, true);
  EXPECT_EQ(odds.length(.1, false), 0);
  EXPECT_EQ(odds.length(.1, true), 1); // the next answer tries again

  TokenIds same(40, 3);
  answered(kPrompt, same);
  for (int answer = 0; answer < 60; ++answer) {
    Drafter drafter(past_, kPrompt);
    if (!drafter.next({3}, 30, .1).empty())
      drafter.learn(0, true);
    if (answer > 50) {
      EXPECT_EQ(drafter.next({3, 3}, 30, .1), TokenIds());
    }
  }
}

} // namespace
} // namespace vlm
