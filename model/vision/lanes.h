// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <cstring>

namespace vlm {

/// Sums over float arrays, in enough partial sums to keep the adders busy. (A compiler may not
/// reorder such sums on its own; loops without a sum it vectorises by itself.)
namespace lanes {

constexpr int64_t kWidth = 8, kCount = 4, kStep = kWidth * kCount;
using Lane = float __attribute__((vector_size(kWidth * sizeof(float))));

inline Lane load(const float *p) {
  Lane lane;
  std::memcpy(&lane, p, sizeof lane);
  return lane;
}

inline float total(const Lane (&lanes)[kCount]) {
  const Lane sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

} // namespace lanes

/// Sum of term(i) over [0, n); term must take an index and a loader (array, index) -> value, so
/// that the same expression serves vectors and the rest.
template <typename Term> inline float sum_of(int64_t n, const Term &term) {
  lanes::Lane sums[lanes::kCount] = {};
  int64_t i = 0;
  for (; i + lanes::kStep <= n; i += lanes::kStep)
    for (int64_t k = 0; k < lanes::kCount; ++k)
      sums[k] +=
          term([&](const float *array) { return lanes::load(array + i + k * lanes::kWidth); });
  float sum = lanes::total(sums);
  for (; i < n; ++i)
    sum += term([&](const float *array) { return array[i]; });
  return sum;
}

} // namespace vlm
