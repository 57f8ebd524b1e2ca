// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/assets.h"
#include "model/training/scenes/inventory.h"
#include "model/training/scenes/questions.h"
#include "model/training/scenes/random.h"

#include <string>
#include <vector>

namespace vlm::scenes {

/// "a dog, a red circle and a sign that says STOP".
std::string join_list(const std::vector<std::string> &items);

/// What to paint to get this scene again.
std::string scene_prompt(const Scene &scene, const std::vector<Group> &groups);

/// A random prompt: "a red apple", "a dog left of four cookies"; with `wide`, now and then signs
/// and words from the dictionary.
std::string random_prompt(const Assets &assets, bool wide, Random &random);

/// A category or colored form that is not among the groups, often close to one that is.
Noun absent_noun(const Categories &categories, const std::vector<Group> &groups, Random &random);
/// A category that is not among the groups.
Noun absent_category(const Categories &categories, const std::vector<Group> &groups,
                     Random &random);

} // namespace vlm::scenes
