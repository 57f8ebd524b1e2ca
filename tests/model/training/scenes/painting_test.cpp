// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/painting.h"

#include "model/training/scenes/painter_scorer.h"
#include "tests/model/training/scenes/small_assets.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vlm::scenes {
namespace {

TEST(Painting, ShowsOneOrTwoLargeThings) {
  SceneMaker maker(test::small_assets(), painting_options());
  size_t pairs = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    const PromptedScene made = make_painting(maker, test::small_assets(), 4, i, false);
    EXPECT_EQ(made.scene.image.width, made.scene.image.height);
    ASSERT_LE(made.scene.things.size(), 2u);
    ASSERT_GE(made.scene.things.size(), 1u);
    pairs += made.scene.things.size() == 2;
    for (const Thing &thing : made.scene.things) {
      EXPECT_GE(std::max(thing.box.width(), thing.box.height()), .35 * 256);
      EXPECT_NE(thing.kind, ThingKind::Sign);
    }
    EXPECT_FALSE(made.prompt.empty());
    EXPECT_FALSE(is_held_out(made.prompt)) << made.prompt;
  }
  EXPECT_GT(pairs, 10u);
  EXPECT_LT(pairs, 50u);
}

TEST(Painting, DependsOnSeedAndIndexAlone) {
  SceneMaker first(test::small_assets(), painting_options());
  SceneMaker second(test::small_assets(), painting_options());
  make_painting(first, test::small_assets(), 4, 1, false);
  const auto a = make_painting(first, test::small_assets(), 4, 2, false);
  const auto b = make_painting(second, test::small_assets(), 4, 2, false);
  EXPECT_EQ(a.scene.image.rgb, b.scene.image.rgb);
  EXPECT_EQ(a.prompt, b.prompt);
}

TEST(Painting, HeldOutPromptsAreThoseThatTrainingSkips) {
  SceneMaker maker(test::small_assets(), painting_options());
  for (uint64_t i = 0; i < 5; ++i)
    EXPECT_TRUE(is_held_out(make_painting(maker, test::small_assets(), 4, i, true).prompt));
}

TEST(Painting, ShrinksByTheMeanOfPixels) {
  const Image image{2, 2, {0, 10, 20, 40, 10, 20, 80, 10, 20, 120, 10, 20}};
  const Image small = shrunk(image, 1);
  EXPECT_EQ(small.rgb, (std::vector<uint8_t>{60, 10, 20}));
}

/// A red dog left of a blue circle.
Scene red_dog() {
  Scene scene = test::empty_scene(100, 100);
  scene.things = {test::object_at(0, 20, 50, Color::Red),
                  test::shape_at(Form::Circle, Color::Blue, 80, 50)};
  return scene;
}

TEST(PainterScorer, AsksAboutObjectsColorsAndPositions) {
  const Categories categories = test::small_categories();
  PainterScorer scorer(categories);
  std::vector<std::string> asked;
  scorer.add(red_dog(), [&](const std::string &question) -> std::string {
    asked.push_back(question);
    if (question == "What is in the picture?")
      return "A dog and a green circle.";
    if (question == "What color is the dog?")
      return "The dog is red.";
    if (question == "What color is the circle?")
      return "The circle is green.";
    return "Yes, it is.";
  });
  EXPECT_EQ(asked, (std::vector<std::string>{"What is in the picture?", "What color is the dog?",
                                             "What color is the circle?",
                                             "Is the dog left of the blue circle?",
                                             "Is the dog right of the blue circle?"}));
  const Scores scores = scorer.scores();
  EXPECT_EQ(scores.at("object_recall").value, 1); // a form counts in any color
  EXPECT_EQ(scores.at("object_recall").count, 2);
  EXPECT_EQ(scores.at("color").value, .5);
  EXPECT_EQ(scores.at("position").value, .5); // yes to both
}

TEST(PainterScorer, AsksNothingThatHasNoAnswer) {
  const Categories categories = test::small_categories();
  PainterScorer scorer(categories);
  Scene scene = test::empty_scene(100, 100);
  scene.things = {test::object_at(1, 40, 50), test::object_at(1, 60, 50)};
  int questions = 0;
  scorer.add(scene, [&](const std::string &) {
    ++questions;
    return "A cat.";
  });
  EXPECT_EQ(questions, 1);
  EXPECT_EQ(scorer.scores().at("object_recall").value, 0);
  EXPECT_EQ(scorer.scores().count("color"), 0u);
}

} // namespace
} // namespace vlm::scenes
