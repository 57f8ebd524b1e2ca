// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __FMA__
#include <immintrin.h>
#endif

/// Eight float32 lanes by the compilers' vector extension, which any target supports; AVX2 is the
/// floor of the build on x86-64. For use inside of model/compute.
namespace vlm::simd {

constexpr int64_t kLanes = 8;
using Float8 = float __attribute__((vector_size(32)));
using Int8 = int32_t __attribute__((vector_size(32)));

inline Float8 load(const float *from) {
  Float8 out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

/// The first `lanes` of eight, zeros behind them.
inline Float8 load(const float *from, int64_t lanes) {
  if (lanes == kLanes)
    return load(from);
  Float8 out = {};
  std::memcpy(&out, from, static_cast<size_t>(lanes) * sizeof(float));
  return out;
}

/// The nearest floats of eight integers.
inline Float8 to_float(const int32_t *from) {
  Int8 out;
  std::memcpy(&out, from, sizeof out);
  return __builtin_convertvector(out, Float8);
}

inline void store(float *to, Float8 value) { std::memcpy(to, &value, sizeof value); }

/// The first `lanes` of eight.
inline void store(float *to, Float8 value, int64_t lanes) {
  if (lanes == kLanes)
    return store(to, value);
  std::memcpy(to, &value, static_cast<size_t>(lanes) * sizeof(float));
}

inline Float8 splat(float value) {
  return Float8{value, value, value, value, value, value, value, value};
}

/// a * b + c, rounded once. Said outright where sums must be bit-equal in several kernels: of equal
/// expressions compilers fuse some and leave others, each kernel as it suits (GCC 14).
inline Float8 fused(Float8 a, Float8 b, Float8 c) {
#ifdef __FMA__
  return _mm256_fmadd_ps(a, b, c);
#else
  for (int64_t i = 0; i < kLanes; ++i)
    c[i] = std::fma(a[i], b[i], c[i]);
  return c;
#endif
}

/// The value of a bfloat16.
inline float widen(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float out;
  std::memcpy(&out, &wide, sizeof out);
  return out;
}

inline float widen(float value) { return value; }

/// Eight bfloat16.
inline Float8 load(const uint16_t *from) {
  uint16_t __attribute__((vector_size(16))) narrow;
  std::memcpy(&narrow, from, sizeof narrow);
  const Int8 bits = __builtin_convertvector(narrow, Int8) << 16;
  Float8 out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

inline float sum(Float8 v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/// `b`: float32, or bfloat16.
template <typename Value> float dot(const float *a, const Value *b, int64_t size) {
  Float8 first = splat(0), second = splat(0);
  int64_t i = 0;
  for (; i + 2 * kLanes <= size; i += 2 * kLanes) {
    first += load(a + i) * load(b + i);
    second += load(a + i + kLanes) * load(b + i + kLanes);
  }
  float rest = 0;
  for (; i < size; ++i)
    rest += a[i] * widen(b[i]);
  return sum(first + second) + rest;
}

/// e^x within 2e-7 relative for x <= 0; exactly 0 below -87 (and for -infinity); NaN stays.
inline Float8 exp_negative(Float8 x) {
  // x = n ln 2 + r; adding and subtracting 1.5 * 2^23 rounds to an integer.
  const Float8 n = (x * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  const Float8 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Float8 p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Int8 power = (__builtin_convertvector(n, Int8) + 127) << 23;
  Float8 scale;
  std::memcpy(&scale, &power, sizeof scale);
  const Int8 kept = ~(x < -87.0f);
  Float8 out = p * scale;
  Int8 bits;
  std::memcpy(&bits, &out, sizeof bits);
  bits &= kept;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

} // namespace vlm::simd
