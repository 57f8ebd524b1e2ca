// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/inventory.h"
#include "model/training/scenes/scorer.h"

#include <functional>

namespace vlm::scenes {

/// Judges painted pictures by what a model answers about them.
class PainterScorer {
public:
  /// The model's answer about the picture at hand.
  using Ask = std::function<std::string(const std::string &question)>;
  explicit PainterScorer(const Categories &categories);

  /// Asks about a picture that should show what `scene` shows: for a caption, for the color of what
  /// is there once and has one, and, where the prompt names a relation, whether it holds and
  /// whether its opposite does.
  void add(const Scene &scene, const Ask &ask);

  /// `object_recall`: things of the prompt that the caption names (forms in any color); `color`;
  /// `position`, the mean over true and false relations.
  Scores scores() const;

private:
  void add_objects(const std::vector<Group> &groups, const std::string &caption);
  void add_colors(const std::vector<Group> &groups, const Ask &ask);
  void add_position(const Scene &scene, const std::vector<Group> &groups, const Ask &ask);

  const Categories &categories_;
  NounFinder nouns_;
  Scorer answers_;
  int found_ = 0, wanted_ = 0;
};

} // namespace vlm::scenes
