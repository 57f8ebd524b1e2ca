// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace vlm {

/// What each part of looking at pictures took on the calling thread, in seconds. (A CUDA device
/// works on beside it.)
struct VisionSeconds {
  double vision_tower = 0, vision_tower_aux = 0, mining = 0, projector = 0;

  VisionSeconds &operator+=(const VisionSeconds &other) {
    vision_tower += other.vision_tower;
    vision_tower_aux += other.vision_tower_aux;
    mining += other.mining;
    projector += other.projector;
    return *this;
  }
};

} // namespace vlm
