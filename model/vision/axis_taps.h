// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

namespace vlm {

/// Where position i of a bilinear resize from `in` to `out` positions (align_corners false, no
/// antialias) lies: between `low` and low + 1, at `part` of the way; part is 0 at the last
/// position.
struct BilinearSource {
  int64_t low;
  float part;
};
BilinearSource bilinear_source(int64_t in, int64_t out, int64_t i);

/// A linear map between the positions of one axis: output i is the sum of `width` neighbouring
/// inputs, from first[i] on, times weights[i * width ...]. `first` never falls.
struct AxisTaps {
  int64_t width = 0;
  std::vector<int64_t> first;
  std::vector<float> weights;

  const float *weights_of(int64_t i) const { return weights.data() + i * width; }
};

/// Bilinear resize from `in` to `size` positions, then from `size` to `out`, as one map. A tower's
/// stage is `size` = HR side; out < size shrinks that map.
AxisTaps bilinear_taps(int64_t in, int64_t size, int64_t out);

} // namespace vlm
