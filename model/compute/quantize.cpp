// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/quantize.h"

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

using simd::Float8;
using simd::Int8;
using simd::kLanes;
using Byte8 = int8_t __attribute__((vector_size(8)));

constexpr int32_t kMost = 127;
constexpr float kTiny = 1e-30f; // 127 divided by less may be infinite

Int8 bits_of(Float8 value) {
  Int8 out;
  std::memcpy(&out, &value, sizeof out);
  return out;
}

// Magnitudes compare as integers, NaN above infinity above all numbers.
Int8 larger(Int8 a, Float8 x) {
  const Int8 b = bits_of(x) & 0x7fffffff;
  const Int8 mask = a > b;
  return (a & mask) | (b & ~mask);
}

// Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
constexpr float kShift = 12582912.0f;

Byte8 rounded(Float8 x) {
  return __builtin_convertvector(bits_of(x + kShift) - bits_of(simd::splat(kShift)), Byte8);
}

Float8 lesser(Float8 a, Float8 b) { return a < b ? a : b; }
Float8 greater(Float8 a, Float8 b) { return a > b ? a : b; }

template <typename Choose> float reduce(const float (&x)[kGroupSize], Choose choose) {
  Float8 all = simd::load(x);
  for (int64_t i = kLanes; i < kGroupSize; i += kLanes)
    all = choose(all, simd::load(x + i));
  for (int lane = 1; lane < kLanes; ++lane)
    all[0] = choose(all, simd::splat(all[lane]))[0];
  return all[0];
}

// Values that weights can take: offset + scale * nibble, nibble at most `most`.
struct Grid {
  Grid(int32_t step, int32_t first)
      : scale(step), offset(std::max(first, -kMost)), most(std::min(15, (kMost - offset) / step)) {}
  // Around the middle of [low, high].
  Grid(int32_t step, float low, float high)
      : Grid(step, static_cast<int32_t>(
                       std::lround((low + high) * 0.5f - 7.5f * static_cast<float>(step)))) {}
  Float8 nibbles(Float8 x) const {
    const Float8 nearest =
        ((x - static_cast<float>(offset)) * (1 / static_cast<float>(scale)) + kShift) - kShift;
    return lesser(greater(nearest, simd::splat(0)), simd::splat(static_cast<float>(most)));
  }
  float error(const float (&x)[kGroupSize], const float (&costs)[kGroupSize]) const {
    Float8 sum = simd::splat(0);
    for (int64_t i = 0; i < kGroupSize; i += kLanes) {
      const Float8 value = simd::load(x + i);
      const Float8 off =
          value - (nibbles(value) * static_cast<float>(scale) + static_cast<float>(offset));
      sum += off * off * simd::load(costs + i);
    }
    return simd::sum(sum);
  }
  int32_t scale, offset, most;
};

} // namespace

float largest_magnitude(const float *x, int64_t size) {
  Int8 most = {};
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes)
    most = larger(most, simd::load(x + i));
  most = larger(most, simd::load(x + i, size - i));
  int32_t bits = 0;
  for (int lane = 0; lane < kLanes; ++lane)
    bits = std::max(bits, most[lane]);
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

float quantize_row(const float *x, int64_t size, int8_t *out) {
  const float most = largest_magnitude(x, size);
  if (most < kTiny) {
    std::fill_n(out, size, int8_t{0});
    return 0;
  }
  const float inverse = kMost / most;
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const Byte8 bytes = rounded(simd::load(x + i) * inverse);
    std::memcpy(out + i, &bytes, sizeof bytes);
  }
  const Byte8 bytes = rounded(simd::load(x + i, size - i) * inverse);
  std::memcpy(out + i, &bytes, static_cast<size_t>(size - i));
  return most / kMost;
}

GroupScale quantize_group(const float (&x)[kGroupSize], const float (&costs)[kGroupSize],
                          uint8_t (&nibbles)[kGroupSize]) {
  const float low = reduce(x, lesser), high = reduce(x, greater);
  const int32_t step = std::max(2, static_cast<int32_t>((high - low) / 15));
  // A smaller scale cuts off the ends, a larger one makes the steps coarser.
  Grid best(step, low, high);
  float error = best.error(x, costs);
  const auto consider = [&](const Grid &grid) {
    const float other = grid.error(x, costs);
    if (other < error) {
      best = grid;
      error = other;
    }
  };
  consider(Grid(step - 1, low, high));
  consider(Grid(step + 1, low, high));
  const Grid middle = best;
  for (const int32_t part : {-2, -1, 1, 2}) // of a step: where the grid lies within it
    consider(Grid(middle.scale, middle.offset + middle.scale * part / 5));
  for (int64_t i = 0; i < kGroupSize; i += kLanes) {
    const Byte8 bytes = rounded(best.nibbles(simd::load(x + i)));
    std::memcpy(nibbles + i, &bytes, sizeof bytes);
  }
  return {static_cast<uint8_t>(best.scale), static_cast<int8_t>(best.offset)};
}

} // namespace vlm
