// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/nouns.h"

#include "tests/model/training/scenes/small_assets.h"

#include <gtest/gtest.h>

namespace vlm::scenes {
namespace {

using Nouns = std::set<std::string>;

Nouns nouns_of(const std::string &text) { return NounFinder(test::small_categories())(text); }

TEST(Nouns, SingularsPluralsAndForms) {
  EXPECT_EQ(nouns_of("Two dogs, a red circle and an apple."),
            (Nouns{"dog", "red circle", "apple"}));
  EXPECT_EQ(nouns_of("some bread, some grapes and three fish"), (Nouns{"bread", "grapes", "fish"}));
  EXPECT_EQ(nouns_of("two green crosses and a triangle"), (Nouns{"green cross", "triangle"}));
}

TEST(Nouns, LongestNameWins) {
  EXPECT_EQ(nouns_of("a hot dog"), Nouns{"hot dog"});
  EXPECT_EQ(nouns_of("hot dogs and a dog"), (Nouns{"hot dog", "dog"}));
}

TEST(Nouns, OnlyWholeWords) {
  EXPECT_EQ(nouns_of("a hotdog, a catalog and dogma"), Nouns{});
  EXPECT_EQ(nouns_of("the dog's cat-fish"), (Nouns{"dog", "cat", "fish"}));
}

TEST(Nouns, AColorBelongsToAFormOnly) {
  EXPECT_EQ(nouns_of("a red dog and a blue, round circle"), (Nouns{"dog", "circle"}));
}

TEST(Nouns, TextOfASignIsNone) {
  EXPECT_EQ(nouns_of("A cat and a sign that says DOG."), Nouns{"cat"});
  EXPECT_EQ(nouns_of("a sign that says DOG, a sign that says CAT and an apple"), Nouns{"apple"});
  EXPECT_EQ(nouns_of("a sign that says"), Nouns{});
}

TEST(Nouns, Words) {
  EXPECT_EQ(normalized("  A \t dog\n IS  here "), "a dog is here");
  EXPECT_EQ(normalized(""), "");
  EXPECT_EQ(words_of("Yes, it is.<h>"), (std::vector<std::string>{"yes", "it", "is", "h"}));
  EXPECT_EQ(with_article("apple"), "an apple");
  EXPECT_EQ(with_article("unicorn"), "a unicorn");
  EXPECT_EQ(with_article("umbrella"), "an umbrella");
  EXPECT_EQ(number_of("four"), 4);
  EXPECT_EQ(number_of("12"), 12);
  EXPECT_EQ(number_of("dozen"), -1);
  EXPECT_EQ(number_of("99999999999999999999"), -1);
}

} // namespace
} // namespace vlm::scenes
