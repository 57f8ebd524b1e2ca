// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/scene.h"

#include <string>

namespace vlm::scenes {

/// A PNG of `columns` x `rows` scenes, each with its caption, the things' boxes and, when `maps`,
/// its id map and letters beside it.
void write_contact_sheet(const Assets &assets, SceneMix mix, const SceneOptions &options,
                         uint64_t seed, int columns, int rows, bool maps, const std::string &path);

} // namespace vlm::scenes
