// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/scene.h"

#include <string>

namespace vlm::scenes {

/// A scene as painters learn it, with the words that ask for it.
struct PromptedScene {
  Scene scene;
  std::string prompt; ///< "a dog left of a red apple"
};

/// How a scene maker is set up for paintings: drawn at 256 pixels, in the sprites' own colors.
SceneOptions painting_options();

/// Painting number `index`: every thing is at least .35 of the side. A tenth of all prompts (by
/// is_held_out) are kept from training; `held_out` asks for those alone.
PromptedScene make_painting(SceneMaker &make, const Assets &assets, uint64_t seed, uint64_t index,
                            bool held_out);

/// The picture resized to a square of `side` pixels.
Image shrunk(const Image &image, int side);

} // namespace vlm::scenes
