// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/questions.h"

#include "model/training/scenes/inventory.h"
#include "model/training/scenes/nouns.h"
#include "model/training/scenes/phrasing.h"
#include "model/training/scenes/prompts.h"
#include "model/training/scenes/sentences.h"
#include "tests/model/training/scenes/small_assets.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace vlm::scenes {
namespace {

using test::object_at;
using test::shape_at;
using test::sign_at;

enum { Dog, Apple, HotDog, Bread, Grapes, Fish, Cat };

/// Two dogs at the left, a red circle in the centre, a sign at the top right: 300 x 200.
Scene example() {
  Scene scene = test::empty_scene(300, 200);
  scene.things = {sign_at("STOP", 250, 20), object_at(Dog, 60, 100),
                  shape_at(Form::Circle, Color::Red, 150, 100), object_at(Dog, 40, 180)};
  return scene;
}

/// All questions of many draws about one scene.
std::vector<QuestionAnswer> many(const Scene &scene, Phrasing phrasing, int draws = 200) {
  Random random(17);
  std::vector<QuestionAnswer> all;
  for (int i = 0; i < draws; ++i)
    for (QuestionAnswer &item : questions(scene, test::small_assets(), random, {phrasing, 100}))
      all.push_back(std::move(item));
  return all;
}

std::set<std::string> answers(const std::vector<QuestionAnswer> &all, QuestionType type) {
  std::set<std::string> found;
  for (const QuestionAnswer &item : all)
    if (item.type == type)
      found.insert(item.answer);
  return found;
}

TEST(Caption, GroupsByLeftmostMember) {
  EXPECT_EQ(caption(example(), test::small_categories()),
            "Two dogs, a red circle and a sign that says STOP.");
  Scene scene = test::empty_scene(200, 200);
  scene.things = {object_at(Apple, 150, 50), object_at(Grapes, 20, 50), object_at(Bread, 90, 20)};
  EXPECT_EQ(caption(scene, test::small_categories()), "Some grapes, some bread and an apple.");
  scene.things = {object_at(Apple, 150, 50)};
  EXPECT_EQ(caption(scene, test::small_categories()), "An apple.");
}

TEST(Caption, FormsOfOneColorAreOneGroup) {
  Scene scene = test::empty_scene(200, 200);
  scene.things = {shape_at(Form::Cross, Color::Blue, 90, 20),
                  shape_at(Form::Cross, Color::Red, 20, 50),
                  shape_at(Form::Cross, Color::Blue, 50, 50)};
  EXPECT_EQ(caption(scene, test::small_categories()), "A red cross and two blue crosses.");
}

TEST(Inventory, RegionsOfTheUnpaddedPicture) {
  const Scene scene = test::empty_scene(300, 150);
  const auto region = [&](double x, double y) {
    return std::string(
        region_names[static_cast<size_t>(region_of(object_at(Dog, x, y), scene).number)]);
  };
  EXPECT_EQ(region(10, 10), "top left");
  EXPECT_EQ(region(150, 10), "top");
  EXPECT_EQ(region(290, 70), "right");
  EXPECT_EQ(region(150, 75), "center");
  EXPECT_EQ(region(99, 101), "bottom left");
  EXPECT_EQ(region(150, 140), "bottom");
  EXPECT_NEAR(region_of(object_at(Dog, 115, 75), scene).clearance, .05, 1e-9);
}

TEST(Inventory, RelationsNeedADistanceAndASlope) {
  const Scene scene = test::empty_scene(200, 100);
  const auto relation = [&](double dx, double dy) {
    const auto found = relation_of(object_at(Dog, 50, 50), object_at(Cat, 50 + dx, 50 + dy), scene);
    return found ? std::string(relation_names[static_cast<size_t>(*found)]) : "none";
  };
  EXPECT_EQ(relation(40, 0), "left of");
  EXPECT_EQ(relation(-40, 20), "right of");
  EXPECT_EQ(relation(0, 31), "above");
  EXPECT_EQ(relation(10, -31), "below");
  EXPECT_EQ(relation(29, 0), "none") << "less than .15 of the longer side";
  EXPECT_EQ(relation(40, 30), "none") << "diagonal";
  EXPECT_EQ(opposite(Relation::Above), Relation::Below);
}

TEST(Questions, ExpectedAnswersOfAnExample) {
  const auto all = many(example(), Phrasing::Standard);
  EXPECT_EQ(answers(all, QuestionType::Caption),
            std::set<std::string>{"Two dogs, a red circle and a sign that says STOP."});
  EXPECT_EQ(answers(all, QuestionType::Read), std::set<std::string>{"The sign says STOP."});
  EXPECT_EQ(answers(all, QuestionType::Color), std::set<std::string>{"The circle is red."});
  EXPECT_EQ(
      answers(all, QuestionType::Where),
      (std::set<std::string>{"The red circle is in the center.", "The sign is at the top right."}));
  const auto what = answers(all, QuestionType::WhatAt);
  EXPECT_TRUE(what.count("A red circle."));
  EXPECT_TRUE(what.count("A dog."));
  EXPECT_TRUE(what.count("A sign that says STOP."));
  EXPECT_TRUE(what.count("There is nothing at the bottom right."));
  EXPECT_FALSE(what.count("There is nothing on the left."));
  const auto count = answers(all, QuestionType::Count);
  EXPECT_TRUE(count.count("There are two dogs."));
  const auto yesno = answers(all, QuestionType::YesNo);
  EXPECT_TRUE(yesno.count("Yes, there is a dog."));
  EXPECT_TRUE(yesno.count("Yes, there is a red circle."));
  EXPECT_TRUE(yesno.count("No, there is no cat."));
  EXPECT_TRUE(yesno.count("No, there are no grapes."));
  EXPECT_TRUE(yesno.count("No, there is no bread."));
  EXPECT_FALSE(yesno.count("No, there is no dog."));
  EXPECT_EQ(answers(all, QuestionType::GenScene),
            std::set<std::string>{"<h>two dogs, a red circle and a sign that says STOP</h>"});
}

TEST(Questions, PromptNamesRelationAndColor) {
  Scene scene = test::empty_scene(200, 200);
  scene.things = {object_at(Apple, 150, 50, Color::Green), object_at(Dog, 30, 50)};
  EXPECT_EQ(scene_prompt(scene, groups_of(scene, test::small_categories())),
            "a dog left of a green apple");
  scene.things[0] = object_at(Apple, 80, 90, Color::Orange); // diagonal
  EXPECT_EQ(scene_prompt(scene, groups_of(scene, test::small_categories())),
            "a dog and an orange apple");
  scene.things = {object_at(Grapes, 20, 20, Color::Purple)};
  EXPECT_EQ(scene_prompt(scene, groups_of(scene, test::small_categories())), "some purple grapes");
}

TEST(Questions, MassNounsAreNeverCounted) {
  Scene scene = test::empty_scene(300, 200);
  scene.things = {object_at(Grapes, 40, 40, Color::Purple), object_at(Bread, 250, 40)};
  for (const Phrasing phrasing : {Phrasing::Standard, Phrasing::Training})
    for (const QuestionAnswer &item : many(scene, phrasing)) {
      if (item.type == QuestionType::Count) {
        EXPECT_EQ(item.label, "zero") << item.question;
      }
      if (item.type == QuestionType::Color) {
        EXPECT_EQ(item.answer, "The grapes are purple.");
      }
      if (item.type == QuestionType::Rel &&
          normalized(item.question).find("grapes") < normalized(item.question).find("bread")) {
        EXPECT_TRUE(item.answer == "Yes, they are." || item.answer == "No, they are not.");
      }
    }
}

TEST(Questions, RelationsAreTrueInBothDirections) {
  Scene scene = test::empty_scene(300, 200);
  scene.things = {object_at(Dog, 40, 100), object_at(Cat, 250, 100)};
  std::set<std::string> yes, no;
  for (const QuestionAnswer &item : many(scene, Phrasing::Standard))
    if (item.type == QuestionType::Rel)
      (item.label == "yes" ? yes : no).insert(item.question);
  EXPECT_TRUE(yes.count("Is the dog left of the cat?"));
  EXPECT_TRUE(yes.count("Is the cat right of the dog?"));
  EXPECT_TRUE(no.count("Is the dog right of the cat?"));
  EXPECT_TRUE(no.count("Is the cat above the dog?"));
  for (const std::string &question : yes)
    EXPECT_FALSE(no.count(question)) << question;
}

TEST(Questions, AmbiguousThingsAreNotAskedFor) {
  for (const QuestionAnswer &item : many(example(), Phrasing::Training)) {
    const std::string question = normalized(item.question);
    if (item.type == QuestionType::Where || item.type == QuestionType::Color ||
        item.type == QuestionType::Rel) {
      EXPECT_EQ(question.find("dog"), std::string::npos) << question;
    }
  }
}

TEST(Questions, NearADividingLineNoRegionIsAsked) {
  Scene scene = test::empty_scene(300, 300);
  scene.things = {object_at(Dog, 103, 150)};
  for (const QuestionAnswer &item : many(scene, Phrasing::Training, 50)) {
    EXPECT_NE(item.type, QuestionType::Where);
    EXPECT_NE(item.type, QuestionType::WhatAt);
  }
}

/// Every answer of generated scenes has the form that README 3.2 gives it.
TEST(Questions, AnswerGrammar) {
  const std::string noun = "[a-z]+( [a-z]+){0,2}",
                    item = "(an? |some |one |two |three |four |five )" + noun;
  const std::string sign = "a sign that says [A-Z]+", any = "(" + item + "|" + sign + ")";
  const std::string list = any + "((, " + any + ")* and " + any + ")?";
  const std::string region =
      "(at the (top|bottom)( left| right)?|on the (left|right)|in the center)";
  const std::map<QuestionType, std::string> forms = {
      {QuestionType::Caption, list + "\\."},
      {QuestionType::YesNo, "(Yes, there (is|are) (an? |some )|No, there (is|are) no )" + noun +
                                "( that says [A-Z]+)?\\."},
      {QuestionType::Count, "There (is one|are (no|two|three|four|five)) " + noun + "\\."},
      {QuestionType::Color, "The " + noun + " (is|are) [a-z]+\\."},
      {QuestionType::Where, "The " + noun + " (is|are) " + region + "\\."},
      {QuestionType::WhatAt, "(" + any + "|There is nothing " + region + ")\\."},
      {QuestionType::Rel, "(Yes, (it is|they are)|No, (it is|they are) not)\\."},
      {QuestionType::Read, "The sign says [A-Z]+\\."},
      {QuestionType::Refuse, "There (is|are) no " + noun + " in the picture\\."},
      {QuestionType::GenScene,
       "<h>(" + list + "|" + any + " (left of|right of|above|below) " + any + ")</h>"},
      {QuestionType::GenText, "<h>[^<>]+</h>"},
  };
  SceneMaker maker(test::small_assets());
  Random random(3);
  std::map<QuestionType, int> counts;
  for (uint64_t i = 0; i < 150; ++i) {
    const Scene scene = maker(SceneMix::Talk, 23, i);
    for (const QuestionAnswer &each : questions(scene, test::small_assets(), random)) {
      std::string answer = each.answer;
      if (each.type == QuestionType::Caption || each.type == QuestionType::WhatAt)
        if (answer.rfind("There", 0) != 0)
          answer[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(answer[0])));
      EXPECT_TRUE(std::regex_match(answer, std::regex(forms.at(each.type)))) << each.answer;
      EXPECT_FALSE(each.question.empty());
      EXPECT_EQ(each.question.find('{'), std::string::npos) << each.question;
      EXPECT_EQ(each.question.find('['), std::string::npos) << each.question;
      ++counts[each.type];
    }
  }
  for (const auto &form : forms)
    if (form.first != QuestionType::Read || !test::small_assets().fonts.empty()) {
      EXPECT_GT(counts[form.first], 5) << name(form.first);
    }
}

TEST(Questions, LimitAndNoRepetition) {
  Random random(5);
  for (int i = 0; i < 50; ++i) {
    const auto some = questions(example(), test::small_assets(), random, {Phrasing::Standard, 4});
    EXPECT_LE(some.size(), 4u);
    std::set<std::string> seen;
    for (const QuestionAnswer &item : questions(example(), test::small_assets(), random))
      EXPECT_TRUE(seen.insert(item.question).second) << item.question;
  }
}

TEST(Questions, SameSeedSameQuestions) {
  Random first(8), second(8);
  const auto a = questions(example(), test::small_assets(), first);
  const auto b = questions(example(), test::small_assets(), second);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(a[i].question + a[i].answer, b[i].question + b[i].answer);
}

TEST(Questions, ConversationsRefer) {
  Random random(6);
  bool refers = false;
  for (int i = 0; i < 200; ++i) {
    const auto turns = conversation(example(), test::small_assets(), random, 3);
    ASSERT_TRUE(!turns.empty() && turns.size() <= 3);
    for (size_t k = 1; k < turns.size(); ++k)
      refers = refers ||
               (turns[k].type == QuestionType::Where && words_of(turns[k].question).size() < 5 &&
                turns[k].question.find("it") != std::string::npos);
  }
  EXPECT_TRUE(refers);
}

TEST(Questions, PromptsAreCopied) {
  Random random(2);
  for (int i = 0; i < 500; ++i) {
    const auto item = generation_question(test::small_assets(), random, Phrasing::Training);
    EXPECT_EQ(item.answer, "<h>" + item.label + "</h>");
    EXPECT_EQ(item.question.substr(item.question.size() - 6), " <GEN>");
    std::string prompt = item.label; // a sentence may begin with it
    if (item.question.find(prompt) == std::string::npos)
      prompt[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(prompt[0])));
    EXPECT_NE(item.question.find(prompt), std::string::npos)
        << item.question << " | " << item.label;
  }
}

TEST(Phrasing, ChoicesExpand) {
  Random random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i)
    seen.insert(expand("[a|b [c|d]|] e [|f] ?", random));
  EXPECT_EQ(seen, (std::set<std::string>{"a e?", "a e f?", "b c e?", "b c e f?", "b d e?",
                                         "b d e f?", "e?", "e f?"}));
}

TEST(Phrasing, BracketsBalance) {
  for (const Ask ask : all_asks)
    for (const char *pattern : training_patterns(ask)) {
      const std::string text = pattern;
      EXPECT_EQ(std::count(text.begin(), text.end(), '['),
                std::count(text.begin(), text.end(), ']'))
          << text;
      EXPECT_EQ(std::count(text.begin(), text.end(), '{'),
                std::count(text.begin(), text.end(), '}'))
          << text;
    }
}

/// A slot in each pattern where the list has one, so that questions do not lose their subject.
TEST(Phrasing, EveryPatternNamesItsSubject) {
  const std::map<Ask, std::vector<std::string>> slots = {
      {Ask::YesNo, {"{a}", "{pl}"}}, {Ask::YesNoMass, {"{pl}"}},  {Ask::Count, {"{pl}"}},
      {Ask::Color, {"{sg}"}},        {Ask::Where, {"{sg}"}},      {Ask::WhatAt, {"{region}"}},
      {Ask::Rel, {"{sg2}"}},         {Ask::ReadAt, {"{region}"}}, {Ask::DrawText, {"{p}"}}};
  for (const auto &[ask, names] : slots)
    for (const auto &list :
         {standard_sentences(ask), training_patterns(ask), unlisted_sentences(ask)})
      for (const char *pattern : list)
        EXPECT_TRUE(std::any_of(names.begin(), names.end(),
                                [&, text = std::string(pattern)](const std::string &slot) {
                                  return text.find(slot) != std::string::npos;
                                }))
            << pattern;
}

TEST(Phrasing, TrainingIsVariedAndNeverUnlisted) {
  Random random(4);
  for (const Ask ask : all_asks) {
    std::set<std::string> unlisted, drawn;
    for (const char *sentence : unlisted_sentences(ask)) {
      std::string flat;
      for (const std::string &word : words_of(sentence))
        flat += word + ' ';
      unlisted.insert(flat);
    }
    // Slots filled by their own names, as the skeletons above have them.
    const Slots slots = {{"a", "a"},       {"sg", "sg"},   {"pl", "pl"},   {"is", "is"},
                         {"does", "does"}, {"sg2", "sg2"}, {"rel", "rel"}, {"region", "region"},
                         {"p", "p"},       {"it", "it"},   {"its", "its"}};
    for (int i = 0; i < 3000; ++i) {
      std::string flat;
      for (const std::string &word : words_of(phrase(ask, slots, Phrasing::Training, random)))
        flat += word + ' ';
      EXPECT_FALSE(unlisted.count(flat)) << flat;
      drawn.insert(flat);
    }
    EXPECT_GT(drawn.size(), ask == Ask::WhereIt || ask == Ask::ColorIt ? 30u : 150u);
  }
}

} // namespace
} // namespace vlm::scenes
