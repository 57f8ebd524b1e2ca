// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace vlm {

/// Places of up to `most` out of `count` things, evenly spread: the first of each of as many equal
/// parts.
inline std::vector<size_t> evenly(size_t count, size_t most) {
  std::vector<size_t> places(std::min(count, most));
  for (size_t i = 0; i < places.size(); ++i)
    places[i] = i * count / places.size();
  return places;
}

} // namespace vlm
