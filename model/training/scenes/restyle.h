// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/color.h"
#include "model/training/scenes/layer.h"
#include "model/training/scenes/random.h"

namespace vlm::scenes {

/// Pixels that restyling may add at a layer's edge.
constexpr int restyle_margin = 4;

/// Changes of drawing style, training only: tone, hue, swapped channels, outlines, line art,
/// posterised and halftone fills.
void restyle(Layer &layer, Random &random);

/// Draws all of it in one color that is not None, lighter and darker as it was: so a painter learns
/// what a color's name means for things that seldom have it.
void dye(Layer &layer, Color color, Random &random);

/// What a camera or a file format does to the whole picture: tone, blur, grain, JPEG. `fine`: it
/// shows small text, which must stay readable.
void wear(Image &image, bool fine, Random &random);

} // namespace vlm::scenes
