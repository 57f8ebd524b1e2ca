// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/random.h"
#include "model/vision/image.h"

#include <vector>

namespace vlm::scenes {

/// A background of the given size: one of about twenty drawn families, or a blurred crop of a
/// photograph when there are any.
Image draw_background(int width, int height, const std::vector<Image> &photographs, Random &random);

/// A flat one or a gradient.
Image draw_plain_background(int width, int height, Random &random);

/// Number of drawn families; draw_family(k) draws that one (for looking at them).
extern const int background_families;
Image draw_family(int family, int width, int height, Random &random);

} // namespace vlm::scenes
