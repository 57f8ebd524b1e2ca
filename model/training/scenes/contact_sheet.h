// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/scene.h"

#include <string>

namespace vlm::scenes {

struct ContactSheet {
  SceneMix mix = SceneMix::Standard;
  SceneOptions options;
  uint64_t seed = 1;
  int columns = 4, rows = 3;
  bool maps = true; ///< each scene's id map and letters to its right, and the things' boxes
};

/// Writes a PNG of scenes with their captions below, for looking at.
void write_contact_sheet(const Assets &assets, const ContactSheet &sheet, const std::string &path);

} // namespace vlm::scenes
