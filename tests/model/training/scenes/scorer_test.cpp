// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/scorer.h"

#include "model/core/error.h"
#include "model/training/scenes/evaluation_set.h"
#include "tests/model/training/scenes/small_assets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace vlm::scenes {
namespace {

QuestionAnswer item(QuestionType type, const std::string &answer, const std::string &label = "") {
  QuestionAnswer item;
  item.type = type;
  item.question = "?";
  item.answer = answer;
  item.label = label;
  return item;
}

class ScorerTest : public testing::Test {
protected:
  bool right(QuestionType type, const std::string &label, const std::string &given,
             const std::string &figure, const std::string &answer = "") {
    Scorer scorer(categories_);
    scorer.add(item(type, answer, label), given);
    return scorer.scores().at(figure).value == 1;
  }
  Categories categories_ = test::small_categories();
};

TEST_F(ScorerTest, CaptionIsMicroF1OfNounSets) {
  Scorer scorer(categories_);
  scorer.add(item(QuestionType::Caption, "Two dogs and an apple."),
             "Three dogs and a cat.");                                        // 1 1 1
  scorer.add(item(QuestionType::Caption, "A red circle."), "a  red circle."); // 1 0 0
  EXPECT_DOUBLE_EQ(scorer.scores().at("caption_f1").value, 4.0 / 6);
  EXPECT_DOUBLE_EQ(scorer.scores().at("caption_exact").value, .5);
  EXPECT_EQ(scorer.scores().at("caption_exact").count, 2);
}

TEST_F(ScorerTest, YesNoIsBalanced) {
  Scorer scorer(categories_);
  for (int i = 0; i < 3; ++i)
    scorer.add(item(QuestionType::YesNo, "", "yes"), "Yes, there is a dog.");
  scorer.add(item(QuestionType::YesNo, "", "no"), "Yes, there is a cat.");
  scorer.add(item(QuestionType::Rel, "", "no"), "No.");
  scorer.add(item(QuestionType::Rel, "", "no"), "Not at all, no.");
  EXPECT_DOUBLE_EQ(scorer.scores().at("yesno").value, .5);
  EXPECT_EQ(scorer.scores().at("yesno").count, 4);
  EXPECT_DOUBLE_EQ(scorer.scores().at("rel").value, .5);
}

TEST_F(ScorerTest, Count) {
  const auto count = [&](const char *label, const char *given) {
    return right(QuestionType::Count, label, given, "count");
  };
  EXPECT_TRUE(count("three", "There are three dogs."));
  EXPECT_TRUE(count("three", "3"));
  EXPECT_TRUE(count("zero", "There are no dogs."));
  EXPECT_TRUE(count("one", "There is a dog."));
  EXPECT_FALSE(count("one", "There is the dog."));
  EXPECT_FALSE(count("two", "There are three dogs and two cats."));
  EXPECT_TRUE(count("two", "A dog, or rather two."));
}

TEST_F(ScorerTest, ColorIsTheLastOneWithoutRefusal) {
  const auto color = [&](const char *label, const char *given) {
    return right(QuestionType::Color, label, given, "color_object");
  };
  EXPECT_TRUE(color("red", "The dog is Red."));
  EXPECT_TRUE(color("red", "The blue square? It is red."));
  EXPECT_FALSE(color("red", "It is not red."));
  EXPECT_FALSE(color("red", "Reddish."));
}

TEST_F(ScorerTest, Where) {
  const auto where = [&](const char *label, const char *given) {
    return right(QuestionType::Where, label, given, "where");
  };
  EXPECT_TRUE(where("top left", "In the upper left corner."));
  EXPECT_TRUE(where("bottom", "The dog is at the lower edge."));
  EXPECT_TRUE(where("center", "In the middle."));
  EXPECT_TRUE(where("right", "On the right, in the middle."));
  EXPECT_FALSE(where("top", "At the top right."));
  EXPECT_FALSE(where("center", "The dog is here."));
}

TEST_F(ScorerTest, WhatAt) {
  const auto what = [&](const char *label, const char *answer, const char *given) {
    const std::string figure = std::string(label) == "nothing" ? "what_at_nothing" : "what_at";
    return right(QuestionType::WhatAt, label, given, figure, answer);
  };
  EXPECT_TRUE(what("", "A dog.", "There is a dog."));
  EXPECT_FALSE(what("", "A dog.", "A dog and a cat."));
  EXPECT_TRUE(what("sign", "A sign that says STOP.", "A sign that says SHOP."));
  EXPECT_FALSE(what("sign", "A sign that says STOP.", "A dog."));
  EXPECT_TRUE(what("nothing", "There is nothing on the left.", "There is nothing on the left."));
  EXPECT_FALSE(what("nothing", "There is nothing on the left.", "A dog."));
}

TEST_F(ScorerTest, ReadAndRefuse) {
  EXPECT_TRUE(right(QuestionType::Read, "STOP", "the sign says stop.", "read_large"));
  EXPECT_FALSE(right(QuestionType::Read, "STOP", "The sign says STOPS.", "read_large"));
  EXPECT_TRUE(right(QuestionType::Refuse, "", "There is no dog in the picture.", "refuse"));
  EXPECT_FALSE(right(QuestionType::Refuse, "", "The dog is at the top.", "refuse"));
}

TEST_F(ScorerTest, Generation) {
  const auto text = [&](const char *given, const char *figure) {
    return right(QuestionType::GenText, "a dog and an apple", given, figure);
  };
  EXPECT_TRUE(text("<h>a dog and an apple</h>", "gen_text"));
  EXPECT_FALSE(text("<h>a dog</h>", "gen_text"));
  EXPECT_TRUE(text("<h>a dog</h>", "gen_format"));
  EXPECT_FALSE(text("Here: <h>a dog</h>", "gen_format"));
  EXPECT_FALSE(text("<h></h>", "gen_format"));
  EXPECT_FALSE(text("<h>a <h>dog</h>", "gen_format"));
  Scorer scorer(categories_);
  scorer.add(item(QuestionType::GenScene, "", "a dog left of a red apple"),
             "<h>a dog and a cat</h>");
  EXPECT_DOUBLE_EQ(scorer.scores().at("gen_scene_f1").value, .5);
}

TEST_F(ScorerTest, EmptyAnswersAreWrongEverywhere) {
  Scorer scorer(categories_);
  for (int i = 0; i < question_type_count; ++i)
    scorer.add(item(static_cast<QuestionType>(i), "A dog.", "yes"), "");
  for (const auto &[figure, score] : scorer.scores())
    if (figure != "count") { // the label "yes" is no number, an empty answer has none
      EXPECT_EQ(score.value, 0) << figure;
    }
}

TEST_F(ScorerTest, TableHasARowPerFigure) {
  Scorer scorer(categories_);
  scorer.add(item(QuestionType::Refuse, "", ""), "no");
  const std::string table = score_table({{"all", scorer.scores()}});
  EXPECT_NE(table.find("refuse"), std::string::npos);
  EXPECT_NE(table.find("1.000"), std::string::npos);
  EXPECT_EQ(table.find("caption"), std::string::npos);
}

/// A small evaluation set, and its expected answers as a batch's answers.
class EvaluationTest : public testing::Test {
protected:
  EvaluationTest() {
    options_.pictures = 6;
    options_.max_side = 300;
    make_evaluation_set(test::small_assets(), first(), options_);
  }
  std::string first() const { return (folder_.path() / "first").string(); }
  std::string questions() const { return first() + "/questions.jsonl"; }
  std::string answers(size_t leave_out) const {
    std::string lines;
    const auto items = read_evaluation_set(questions());
    for (size_t i = 0; i + leave_out < items.size(); ++i)
      lines += "{\"id\":\"" + items[i].id + "\",\"text\":\"" + items[i].expected.answer + "\"}\n";
    return lines;
  }
  static std::string content(const std::string &path) {
    std::stringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
  }
  test::TemporaryFolder folder_;
  EvaluationOptions options_;
};

TEST_F(EvaluationTest, SameSeedSameBytes) {
  const std::string second = (folder_.path() / "second").string();
  make_evaluation_set(test::small_assets(), second, options_);
  for (const char *name : {"/questions.jsonl", "/00000.png", "/00005.png"}) {
    EXPECT_FALSE(content(first() + name).empty());
    EXPECT_EQ(content(first() + name), content(second + name)) << name;
  }
}

TEST_F(EvaluationTest, ExpectedAnswersScoreOne) {
  const std::string path = folder_.write("answers.jsonl", answers(0));
  const auto columns = score_files(test::small_categories(), questions(), path);
  for (const auto &[figure, score] : columns.at("all"))
    EXPECT_EQ(score.value, 1) << figure;
}

TEST_F(EvaluationTest, MissingOrMisplacedAnswersAreNamed) {
  const Categories categories = test::small_categories();
  const std::string fewer = folder_.write("fewer.jsonl", answers(1));
  EXPECT_THROW(score_files(categories, questions(), fewer), Error);
  std::string swapped = answers(0);
  swapped = swapped.substr(swapped.find('\n') + 1) + swapped.substr(0, swapped.find('\n') + 1);
  const std::string path = folder_.write("swapped.jsonl", swapped);
  try {
    score_files(categories, questions(), path);
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("swapped.jsonl:1"), std::string::npos);
  }
  EXPECT_THROW(score_files(categories, folder_.write("bad.jsonl", "{]\n"), path), Error);
}

} // namespace
} // namespace vlm::scenes
