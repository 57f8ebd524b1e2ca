// SPDX-License-Identifier: LGPL-2.1-or-later
// For AVX-512 VNNI, which sums four products of unsigned and signed bytes in 32 bits. Compiled with
// flags of its own (meson.build): only called where the processor has it.
#include "model/compute/integer_kernels_impl.h"

#include <immintrin.h>

namespace vlm {

extern const IntegerKernels vnni_kernels;

namespace {

struct Vnni {
  // With the weights and a row's values these sums fill the registers.
  static constexpr int kInt8Rows = 12, kInt4Rows = 6, kPanels = 2;
  static constexpr double kInt8RowCost = .04, kInt4RowCost = .1;
  using Sums = __m512i;
  using GroupSums = __m512i;

  static __m512i load(const void *from) { return _mm512_loadu_si512(from); }
  static void store(int32_t *to, Sums sums) { _mm512_storeu_si512(to, sums); }
  static __m512i spread(const void *x) {
    int32_t bits;
    __builtin_memcpy(&bits, x, sizeof bits);
    return _mm512_set1_epi32(bits);
  }

  static __m512i int8_weights(const int8_t *from) { // + 128
    return _mm512_xor_si512(load(from), _mm512_set1_epi8(-128));
  }
  // GCC 12 copies the sums twice around its builtin.
  static void multiply(Sums &sums, __m512i w, __m512i x) {
    __m512i out = sums;
    asm("vpdpbusd %2, %1, %0" : "+v"(out) : "v"(w), "v"(x));
    sums = out;
  }

  static __m512i nibbles(const uint8_t *from) { return load(from); }
  static __m512i low(__m512i nibbles) { return _mm512_and_si512(nibbles, _mm512_set1_epi8(15)); }
  static __m512i high(__m512i nibbles) { return low(_mm512_srli_epi16(nibbles, 4)); }
  static void add(GroupSums &sums, __m512i w, __m512i x) { multiply(sums, w, x); }
  static __m512i scales(const uint8_t *from) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from)));
  }
  static void add_scaled(Sums &sums, GroupSums group, __m512i scales) {
    sums = _mm512_add_epi32(sums, _mm512_mullo_epi32(group, scales));
  }
  static __m512i offsets(const int8_t *from) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
  }
  static void add_offsets(Sums &sums, __m512i offsets, const int16_t *x) {
    sums = _mm512_dpwssd_epi32(sums, offsets, spread(x));
  }
};

} // namespace

const IntegerKernels vnni_kernels = {"AVX-512 VNNI", 128, true, int8_kernel<Vnni>,
                                     int4_kernel<Vnni>};

} // namespace vlm
