// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/simd.h"

/// Rows of float32 as integers with one scale.
namespace vlm {

/// Writes x [size] / scale, rounded to nearest even, to `out` and returns the scale: the largest
/// magnitude / 127. A row that is all but zero gives zeros and the scale 0; with NaN or infinity in
/// it the scale is NaN or infinite and the integers mean nothing.
float quantize_row(const float *x, int64_t size, int8_t *out);

constexpr int64_t kGroupSize = 32;

/// Writes nibbles of which offset + scale * nibble comes near x for x in [-127, 127]; every such
/// sum lies there too. Near in the sense of squares, each of which counts by its value's `costs`.
struct GroupScale {
  uint8_t scale; ///< 1 to 17
  int8_t offset;
};
GroupScale quantize_group(const float (&x)[kGroupSize], const float (&costs)[kGroupSize],
                          uint8_t (&nibbles)[kGroupSize]);

/// The largest |x|; NaN when there is one.
float largest_magnitude(const float *x, int64_t size);

} // namespace vlm
