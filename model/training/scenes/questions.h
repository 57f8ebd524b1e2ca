// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/categories.h"
#include "model/training/scenes/random.h"
#include "model/training/scenes/scene.h"

#include <string>
#include <vector>

namespace vlm::scenes {

enum class QuestionType {
  Caption,
  YesNo,
  Count,
  Color,
  Where,
  WhatAt,
  Rel,
  Read,
  Refuse,
  GenScene,
  GenText
};
constexpr int question_type_count = 11;
/// "caption", "yesno", "count", "color", "where", "what_at", "rel", "read", "refuse", "gen_scene",
/// "gen_text".
const char *name(QuestionType type);

/// Which sentences ask.
enum class Phrasing {
  Standard, ///< the list of README 3.2
  Training, ///< that list and hundreds of variations: slots, dropped words, case, punctuation
  Unlisted, ///< a set for evaluation that Training never draws
};

struct QuestionAnswer {
  QuestionType type = QuestionType::Caption;
  std::string question; ///< the user's words alone; gen: ends with " <GEN>"
  std::string answer;   ///< the whole expected sentence; gen: "<h>...</h>"
  /// What scoring needs beside the answer: yesno/rel "yes" or "no"; count the number word; color
  /// the color; where the region's name ("top left"); read the word; what_at "sign", "nothing" or
  /// "" (compare noun sets of the answer); gen the prompt; "" otherwise.
  std::string label;
  bool small_text = false; ///< read: the sign's letters are small
  bool of_shape = false;   ///< color: of a shape
};

struct QuestionOptions {
  Phrasing phrasing = Phrasing::Training;
  int limit = 15; ///< at most so many, a random choice
};

/// Questions about one scene, in random order. Within a call no question repeats.
std::vector<QuestionAnswer> questions(const Scene &scene, const Assets &assets, Random &random,
                                      const QuestionOptions &options = {});

/// A conversation of several turns about one scene; later turns may refer to the one before ("Where
/// is it?"). At least one turn.
std::vector<QuestionAnswer> conversation(const Scene &scene, const Assets &assets, Random &random,
                                         int turns);

/// A generation question that needs no picture.
QuestionAnswer generation_question(const Assets &assets, Random &random, Phrasing phrasing);

/// The caption that README 3.2 asks for.
std::string caption(const Scene &scene, const Categories &categories);

} // namespace vlm::scenes
