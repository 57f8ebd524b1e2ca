// SPDX-License-Identifier: LGPL-2.1-or-later
// For AVX2, which multiplies unsigned by signed bytes only and adds pairs of products in 16 bits,
// where they saturate beyond 32767.
#include "model/compute/integer_kernels_impl.h"

#include <immintrin.h>

namespace vlm {

extern const IntegerKernels avx2_kernels;

namespace {

// A vector holds eight of a panel's rows.
struct Two {
  __m256i first, second;
};

struct Avx2 {
  static constexpr int kInt8Rows = 4, kInt4Rows = 4, kPanels = 1;
  static constexpr double kInt8RowCost = .24, kInt4RowCost = .23;
  using Sums = Two;
  using GroupSums = Two; // 16 bits: 8 times two products of at most 15 * 127
  struct Int8Weights {
    Two value, magnitude;
  };

  static __m256i load_one(const void *from) {
    return _mm256_loadu_si256(static_cast<const __m256i *>(from));
  }
  static __m256i load_half(const void *from) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(static_cast<const __m128i *>(from)));
  }
  static Two load(const void *from) {
    return {load_one(from), load_one(static_cast<const char *>(from) + 32)};
  }
  static void store(int32_t *to, const Sums &sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), sums.first);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + 8), sums.second);
  }
  static __m256i spread(const void *x) {
    int32_t bits;
    __builtin_memcpy(&bits, x, sizeof bits);
    return _mm256_set1_epi32(bits);
  }

  static Int8Weights int8_weights(const int8_t *from) {
    const Two w = load(from);
    return {w, {_mm256_abs_epi8(w.first), _mm256_abs_epi8(w.second)}};
  }
  // |w| times x with w's sign: two products are at most 2 * 127 * 127.
  static __m256i products(__m256i w, __m256i magnitude, __m256i x) {
    const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, w));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  }
  static void multiply(Sums &sums, const Int8Weights &w, __m256i x) {
    sums = {_mm256_add_epi32(sums.first, products(w.value.first, w.magnitude.first, x)),
            _mm256_add_epi32(sums.second, products(w.value.second, w.magnitude.second, x))};
  }

  static Two nibbles(const uint8_t *from) { return load(from); }
  static Two low(const Two &nibbles) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(nibbles.first, mask), _mm256_and_si256(nibbles.second, mask)};
  }
  static Two high(const Two &nibbles) {
    return low({_mm256_srli_epi16(nibbles.first, 4), _mm256_srli_epi16(nibbles.second, 4)});
  }
  static void add(GroupSums &sums, const Two &w, __m256i x) {
    sums = {_mm256_add_epi16(sums.first, _mm256_maddubs_epi16(w.first, x)),
            _mm256_add_epi16(sums.second, _mm256_maddubs_epi16(w.second, x))};
  }
  // In both 16-bit halves of a lane.
  static __m256i doubled(__m128i scales) {
    const __m256i wide = _mm256_cvtepu8_epi32(scales);
    return _mm256_or_si256(wide, _mm256_slli_epi32(wide, 16));
  }
  static Two scales(const uint8_t *from) {
    const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from));
    return {doubled(all), doubled(_mm_srli_si128(all, 8))};
  }
  static void add_scaled(Sums &sums, const GroupSums &group, const Two &scales) {
    sums = {_mm256_add_epi32(sums.first, _mm256_madd_epi16(group.first, scales.first)),
            _mm256_add_epi32(sums.second, _mm256_madd_epi16(group.second, scales.second))};
  }
  static Two offsets(const int8_t *from) { return {load_half(from), load_half(from + 16)}; }
  static void add_offsets(Sums &sums, const Two &offsets, const int16_t *x) {
    const __m256i pair = spread(x);
    sums = {_mm256_add_epi32(sums.first, _mm256_madd_epi16(offsets.first, pair)),
            _mm256_add_epi32(sums.second, _mm256_madd_epi16(offsets.second, pair))};
  }
};

} // namespace

const IntegerKernels avx2_kernels = {"AVX2", 0, false, int8_kernel<Avx2>, int4_kernel<Avx2>};

} // namespace vlm
