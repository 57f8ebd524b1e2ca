// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <array>

namespace vlm {

/// One axis of a resize: the picture's axis is resized to `size`, of which [first, first + count)
/// is wanted. Nothing outside that window is computed.
struct BicubicAxis {
  int size;
  int first;
  int count;
};

/// Where a picture lies on a larger canvas of one colour.
struct Canvas {
  int width, height;
  int left = 0, top = 0;
  std::array<uint8_t, 3> colour = {};
};

/// A window of what Pillow's 8-bit bicubic resize makes of the canvas, bit for bit (mgm-spec 2.1).
/// The canvas itself never exists, so a long thin picture takes no more memory than others; one
/// that keeps its width must be the picture alone.
Image bicubic(const Image &image, const Canvas &canvas, const BicubicAxis &horizontal,
              const BicubicAxis &vertical);

} // namespace vlm
