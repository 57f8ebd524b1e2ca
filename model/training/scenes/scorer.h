// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/categories.h"
#include "model/training/scenes/nouns.h"
#include "model/training/scenes/questions.h"

#include <map>
#include <string>
#include <vector>

namespace vlm::scenes {

/// One measured figure. `value` is an accuracy, a balanced accuracy or an F1 in 0..1.
struct Score {
  double value = 0;
  int count = 0; ///< questions behind it
};

/// Figures by name: caption_f1, caption_exact, yesno, count, color_shape, color_object, where,
/// what_at, what_at_nothing, rel, refuse, read_large, read_small, gen_format, gen_text,
/// gen_scene_f1; PainterScorer's object_recall, color, position. A figure without questions is
/// absent.
using Scores = std::map<std::string, Score>;

/// Accumulates answers by the rules of README 4.
class Scorer {
public:
  explicit Scorer(const Categories &categories) : nouns_(categories) {}
  void add(const QuestionAnswer &expected, const std::string &answer);
  Scores scores() const;

private:
  struct Tally {
    double right = 0;
    int count = 0;
  };
  struct NounTally {
    int true_positive = 0, false_positive = 0, false_negative = 0, count = 0;
  };
  void add_accuracy(const std::string &figure, bool right);
  void add_nouns(const std::string &figure, const std::string &expected, const std::string &answer);
  bool is_right(const QuestionAnswer &expected, const std::string &answer) const;

  NounFinder nouns_;
  std::map<std::string, Tally> accuracy_;
  std::map<std::string, std::pair<Tally, Tally>> balanced_; // yes-items, no-items
  std::map<std::string, NounTally> f1_;
};

/// Columns of figures: what -> Scores. Plain text with a fixed row order.
std::string score_table(const std::map<std::string, Scores> &columns);
std::string score_json(const std::map<std::string, Scores> &columns);

/// Scores a batch: `questions` as written by make_evaluation_set, `answers` JSON lines
/// {"id","text",...} in the same order. Columns: "all", then one per phrasing when there are
/// several. Error(Format) naming file and line when ids differ or lines are missing.
std::map<std::string, Scores> score_files(const Categories &categories,
                                          const std::string &questions, const std::string &answers);

} // namespace vlm::scenes
