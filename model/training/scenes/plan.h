// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/assets.h"
#include "model/training/scenes/scene.h"

#include <vector>

namespace vlm::scenes {

/// A thing before it has a place.
struct PlannedThing {
  ThingKind kind = ThingKind::Object;
  int category = -1, sprite = -1;
  Form form = Form::Circle;
  Color color = Color::None;
  std::string text;      ///< signs, as drawn
  double cap_height = 0; ///< signs, HR pixels
  double size = 0;       ///< longer side as a part of the square's side; 0 for signs
};

/// What a scene shows: how many things, which and how large (README 2.2, 6.2).
std::vector<PlannedThing> plan_things(const Assets &assets, SceneMix mix,
                                      const SceneOptions &options, bool can_write, Random &random);

} // namespace vlm::scenes
