// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/scorer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <regex>

namespace vlm::scenes {
namespace {

/// Rows of the table, in reading order.
constexpr std::array<const char *, 19> figures = {
    "caption_f1",   "caption_exact", "yesno",      "count",           "color_shape",
    "color_object", "where",         "what_at",    "what_at_nothing", "rel",
    "refuse",       "read_large",    "read_small", "gen_format",      "gen_text",
    "gen_scene_f1", "object_recall", "color",      "position"};

bool has(const std::vector<std::string> &words, std::initializer_list<const char *> any) {
  return std::any_of(words.begin(), words.end(), [&](const std::string &word) {
    return std::find(any.begin(), any.end(), word) != any.end();
  });
}

bool refuses(const std::vector<std::string> &words) {
  return has(words, {"no", "not", "nothing", "none"});
}

/// The first number of an answer; -1: none.
int count_in(const std::vector<std::string> &words) {
  for (const std::string &word : words)
    if (const int number = word == "no" ? 0 : number_of(word); number >= 0)
      return number;
  return has(words, {"a", "an"}) ? 1 : -1;
}

std::string last_color(const std::vector<std::string> &words) {
  const auto is_color = [](const std::string &word) {
    return std::find(color_names.begin(), color_names.end(), word) != color_names.end();
  };
  const auto found = std::find_if(words.rbegin(), words.rend(), is_color);
  return found == words.rend() ? "" : *found;
}

/// "top left", "center", ...; empty when the answer names no place.
std::string region_in(const std::vector<std::string> &words) {
  std::string region;
  if (has(words, {"top", "upper"}))
    region = "top";
  else if (has(words, {"bottom", "lower"}))
    region = "bottom";
  for (const char *side : {"left", "right"})
    if (has(words, {side}))
      return region + (region.empty() ? "" : " ") + side;
  if (region.empty() && has(words, {"center", "centre", "middle"}))
    return "center";
  return region;
}

/// What stands between <h> and </h>; empty when the answer has another form.
std::string prompt_in(const std::string &answer) {
  static const std::regex form("<h>([^<>]+)</h>");
  std::smatch match;
  return std::regex_match(answer, match, form) ? match[1].str() : "";
}

double rate(double right, int count) { return count == 0 ? 0 : right / count; }

} // namespace

void Scorer::add_accuracy(const std::string &figure, bool right) {
  accuracy_[figure].right += right ? 1 : 0;
  ++accuracy_[figure].count;
}

void Scorer::add_nouns(const std::string &figure, const std::string &expected,
                       const std::string &answer) {
  const std::set<std::string> truth = nouns_(expected), found = nouns_(answer);
  NounTally &tally = f1_[figure];
  ++tally.count;
  for (const std::string &noun : found)
    ++(truth.count(noun) != 0 ? tally.true_positive : tally.false_positive);
  for (const std::string &noun : truth)
    tally.false_negative += found.count(noun) == 0 ? 1 : 0;
}

bool Scorer::is_right(const QuestionAnswer &expected, const std::string &answer) const {
  const std::vector<std::string> words = words_of(answer);
  switch (expected.type) {
  case QuestionType::YesNo:
  case QuestionType::Rel:
    return !words.empty() && words.front() == expected.label;
  case QuestionType::Count:
    return count_in(words) == number_of(expected.label);
  case QuestionType::Color:
    return last_color(words) == expected.label && !refuses(words);
  case QuestionType::Where:
    return region_in(words) == expected.label;
  case QuestionType::WhatAt:
    if (expected.label == "nothing")
      return refuses(words);
    if (expected.label == "sign")
      return has(words, {"sign"});
    return nouns_(answer) == nouns_(expected.answer);
  case QuestionType::Read:
    return has(words, {normalized(expected.label).c_str()});
  case QuestionType::Refuse:
    return refuses(words);
  case QuestionType::GenText:
    return normalized(prompt_in(answer)) == normalized(expected.label);
  case QuestionType::Caption:
  case QuestionType::GenScene:
    break;
  }
  return normalized(answer) == normalized(expected.answer);
}

void Scorer::add(const QuestionAnswer &expected, const std::string &given) {
  const std::string answer = normalized(given);
  const bool right = is_right(expected, answer);
  switch (expected.type) {
  case QuestionType::Caption:
    add_nouns("caption_f1", expected.answer, answer);
    return add_accuracy("caption_exact", right);
  case QuestionType::YesNo:
  case QuestionType::Rel: {
    auto &[yes, no] = balanced_[name(expected.type)];
    Tally &tally = expected.label == "yes" ? yes : no;
    tally.right += right ? 1 : 0;
    ++tally.count;
    return;
  }
  case QuestionType::Color:
    return add_accuracy(expected.of_shape ? "color_shape" : "color_object", right);
  case QuestionType::WhatAt:
    return add_accuracy(expected.label == "nothing" ? "what_at_nothing" : "what_at", right);
  case QuestionType::Read:
    return add_accuracy(expected.small_text ? "read_small" : "read_large", right);
  case QuestionType::GenScene:
    add_nouns("gen_scene_f1", expected.label, prompt_in(answer));
    return add_accuracy("gen_format", !prompt_in(answer).empty());
  case QuestionType::GenText:
    add_accuracy("gen_format", !prompt_in(answer).empty());
    return add_accuracy("gen_text", right);
  case QuestionType::Count:
  case QuestionType::Where:
  case QuestionType::Refuse:
    return add_accuracy(name(expected.type), right);
  }
}

Scores Scorer::scores() const {
  Scores scores;
  for (const auto &[figure, tally] : accuracy_)
    scores[figure] = {rate(tally.right, tally.count), tally.count};
  for (const auto &[figure, items] : balanced_) {
    const auto &[yes, no] = items;
    const int sides = (yes.count > 0 ? 1 : 0) + (no.count > 0 ? 1 : 0);
    scores[figure] = {(rate(yes.right, yes.count) + rate(no.right, no.count)) / sides,
                      yes.count + no.count};
  }
  for (const auto &[figure, tally] : f1_)
    scores[figure] = {rate(2 * tally.true_positive,
                           2 * tally.true_positive + tally.false_positive + tally.false_negative),
                      tally.count};
  return scores;
}

std::string score_table(const std::map<std::string, Scores> &columns) {
  std::string table(18, ' ');
  for (const auto &column : columns)
    table +=
        std::string(column.first.size() < 16 ? 16 - column.first.size() : 1, ' ') + column.first;
  table += '\n';
  for (const char *figure : figures) {
    std::string row = figure;
    row.resize(18, ' ');
    bool known = false;
    for (const auto &column : columns) {
      const auto score = column.second.find(figure);
      char cell[64] = "               -";
      if (score != column.second.end()) {
        std::snprintf(cell, sizeof cell, "%8.3f (%5d)", score->second.value, score->second.count);
        known = true;
      }
      row += std::string(column.first.size() > 15 ? column.first.size() - 15 : 0, ' ') + cell;
    }
    if (known)
      table += row + '\n';
  }
  return table;
}

std::string score_json(const std::map<std::string, Scores> &columns) {
  nlohmann::ordered_json json;
  for (const auto &[column, scores] : columns)
    for (const auto &[figure, score] : scores)
      json[column][figure] = {{"value", score.value}, {"count", score.count}};
  return json.dump(2) + '\n';
}

} // namespace vlm::scenes
