// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/questions.h"
#include "model/training/scenes/random.h"

#include <map>
#include <string>
#include <vector>

namespace vlm::scenes {

/// What a sentence asks; finer than QuestionType where the grammar differs.
enum class Ask {
  Caption,
  YesNo,     ///< a, pl, sg
  YesNoMass, ///< is, pl
  Count,     ///< pl
  Color,     ///< is, does, sg
  Where,     ///< is, sg
  WhatAt,    ///< region
  Rel,       ///< is, sg, rel, sg2
  Read,
  ReadAt,   ///< region; training only
  Draw,     ///< from the picture
  DrawText, ///< p
  WhereIt,  ///< is, it: a later turn; training only
  ColorIt,  ///< is, it, its: a later turn; training only
};

/// Values of the slots that a sentence names in braces.
using Slots = std::map<std::string, std::string>;

/// A sentence that asks, its slots filled. `Draw` and `DrawText` come without " <GEN>".
std::string phrase(Ask ask, const Slots &slots, Phrasing phrasing, Random &random);

/// The sentences of a list with their slots unfilled; training patterns are not expanded.
const std::vector<const char *> &standard_sentences(Ask ask);
const std::vector<const char *> &unlisted_sentences(Ask ask);

/// A pattern with one of each [choice|other choice] taken; blanks collapsed.
std::string expand(const std::string &pattern, Random &random);

} // namespace vlm::scenes
