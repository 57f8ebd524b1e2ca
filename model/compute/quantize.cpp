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

Int8 rounded(Float8 x, float factor) {
  const Float8 shift = simd::splat(kShift);
  return bits_of(simd::fused(x, simd::splat(factor), shift)) - bits_of(shift);
}

// The first `lanes` of eight.
void store(void *to, Int8 values, int64_t lanes) {
  const Byte8 bytes = __builtin_convertvector(values, Byte8);
  std::memcpy(to, &bytes, static_cast<size_t>(lanes));
}

#ifdef __AVX2__
constexpr int64_t kStored = 4 * kLanes; // at once: GCC 12 takes the eight of store() one by one

void store(int8_t *to, const Int8 (&values)[4]) {
  __m256i v[4];
  std::memcpy(v, values, sizeof v);
  const __m256i bytes =
      _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); // packs go half by half
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), _mm256_permutevar8x32_epi32(bytes, order));
}
#endif

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
#ifdef __AVX2__
  for (; i + kStored <= size; i += kStored) {
    Int8 values[4];
    for (int64_t k = 0; k < 4; ++k)
      values[k] = rounded(simd::load(x + i + k * kLanes), inverse);
    store(out + i, values);
  }
#endif
  for (; i < size; i += kLanes) {
    const int64_t lanes = std::min(kLanes, size - i);
    store(out + i, rounded(simd::load(x + i, lanes), inverse), lanes);
  }
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
  for (int64_t i = 0; i < kGroupSize; i += kLanes)
    store(nibbles + i, rounded(best.nibbles(simd::load(x + i)), 1), kLanes);
  return {static_cast<uint8_t>(best.scale), static_cast<int8_t>(best.offset)};
}

} // namespace vlm
