// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/layer.h"
#include "model/training/scenes/scene.h"

namespace vlm::scenes {

/// A filled form of `side` pixels (longer side) around (cx, cy), with a faint shade and a rim now
/// and then.
Layer draw_shape(Form form, Color color, double cx, double cy, double side, double angle,
                 Random &random);

} // namespace vlm::scenes
