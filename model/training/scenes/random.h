// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace vlm::scenes {

/// xoshiro256**, seeded by splitmix64 from (seed, index). Every draw is defined here, so the same
/// numbers come out on every machine and standard library. One per thread.
class Random {
public:
  explicit Random(uint64_t seed, uint64_t index = 0);

  uint64_t bits();
  double uniform();                        ///< in [0, 1)
  double uniform(double low, double high); ///< in [low, high)
  bool chance(double probability) { return uniform() < probability; }
  int below(int count);             ///< 0 .. count - 1; count >= 1
  int between(int first, int last); ///< both included
  double normal();                  ///< mean 0, deviation 1
  int weighted(const double *weights, int count);
  template <std::size_t N> int weighted(const std::array<double, N> &weights) {
    return weighted(weights.data(), static_cast<int>(N));
  }
  template <typename List> const auto &pick(const List &list) {
    return list[static_cast<std::size_t>(below(static_cast<int>(std::size(list))))];
  }
  template <typename T> void shuffle(std::vector<T> &list) {
    for (std::size_t i = list.size(); i > 1; --i)
      std::swap(list[i - 1], list[static_cast<std::size_t>(below(static_cast<int>(i)))]);
  }

private:
  std::array<uint64_t, 4> state_;
};

} // namespace vlm::scenes
