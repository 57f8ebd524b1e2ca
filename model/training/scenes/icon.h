// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/random.h"
#include "model/training/scenes/sprites.h"

namespace vlm::scenes {

/// Draws a one-color icon (alpha alone) in random colors: plain, with a filled body, with a rim,
/// thin or bold. The result is premultiplied RGBA, a few pixels larger at every side when the
/// strokes grew.
SpriteLevel color_icon(const SpriteLevel &icon, Random &random);

} // namespace vlm::scenes
