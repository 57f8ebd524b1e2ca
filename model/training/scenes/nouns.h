// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/categories.h"

#include <set>
#include <string>
#include <vector>

namespace vlm::scenes {

/// "a dog", "an apple", "a unicorn".
std::string with_article(const std::string &noun);

/// "zero" .. "ten".
const char *number_word(int number);
/// Of a number word or of digits; -1: the word is neither.
int number_of(const std::string &word);

/// Lower case, white space collapsed to single blanks, trimmed.
std::string normalized(const std::string &text);

/// Runs of letters and digits, lower case.
std::vector<std::string> words_of(const std::string &text);

/// Finds the nouns of a text by the rule of README 4: category names in the singular, shapes as
/// "color form" or "form".
class NounFinder {
public:
  explicit NounFinder(const Categories &categories);
  std::set<std::string> operator()(const std::string &text) const;

private:
  struct Entry {
    std::vector<std::string> words;
    std::string noun;
    bool form = false;
  };
  std::vector<Entry> entries_; // those of most words first
};

} // namespace vlm::scenes
