// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

namespace vlm {

/// One axis of a resize: the picture's axis is resized to `size`, of which [first, first + count)
/// is wanted. Nothing outside that window is computed.
struct BicubicAxis {
  int size;
  int first;
  int count;
};

/// A window of the picture that Pillow's 8-bit bicubic resize gives, bit for bit (mgm-spec 2.1).
Image bicubic(const Image &image, const BicubicAxis &horizontal, const BicubicAxis &vertical);

} // namespace vlm
