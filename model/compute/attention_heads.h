// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/simd.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

/// What kinds of attention share. For use inside of model/compute.
namespace vlm {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

/// [B, H, L, D] with neighbouring elements of a head in memory; other strides are free, so that
/// heads are read straight out of [B, L, H * D].
template <typename Value = float> struct Heads {
  explicit Heads(const at::Tensor &t)
      : data(static_cast<Value *>(t.data_ptr())), batch(t.stride(0)), head(t.stride(1)),
        row(t.stride(2)) {}
  Value *at(int64_t b, int64_t h, int64_t l) const { return data + b * batch + h * head + l * row; }
  Value *data;
  int64_t batch, head, row;
};

inline at::Tensor readable(const at::Tensor &t) {
  return t.stride(3) == 1 && t.stride(2) >= t.size(3) ? t : t.contiguous();
}

/// An uninitialised [B, H, L, D] that lies in memory as [B, L, H, D].
inline at::Tensor heads_like(const at::Tensor &t) {
  return at::empty({t.size(0), t.size(2), t.size(1), t.size(3)}, t.options()).transpose(1, 2);
}

inline float scale_of(const at::Tensor &q) { return 1 / std::sqrt(static_cast<float>(q.size(3))); }

/// Of those that are numbers.
inline float largest(const float *row, int64_t size) {
  simd::Float8 tops = simd::splat(kMinusInfinity);
  int64_t i = 0;
  for (; i + simd::kLanes <= size; i += simd::kLanes) {
    const simd::Float8 x = simd::load(row + i);
    tops = x > tops ? x : tops;
  }
  float top = kMinusInfinity;
  for (int lane = 0; lane < simd::kLanes; ++lane)
    top = std::max(top, tops[lane]);
  return std::accumulate(row + i, row + size, top, [](float a, float b) { return std::max(a, b); });
}

/// e^(x - the largest) in place, and their sum; zeros where all are -infinity. NaN stays.
inline float exponentials(float *row, int64_t size) {
  const float top = largest(row, size);
  if (top == kMinusInfinity && std::count(row, row + size, kMinusInfinity) == size) {
    std::fill(row, row + size, 0.0f);
    return 0;
  }
  simd::Float8 sums = simd::splat(0);
  float total = 0;
  int64_t i = 0;
  for (; i + simd::kLanes <= size; i += simd::kLanes) {
    const simd::Float8 e = simd::exp_negative(simd::load(row + i) - top);
    simd::store(row + i, e);
    sums += e;
  }
  for (; i < size; ++i)
    total += row[i] = simd::exp_negative(simd::splat(row[i] - top))[0];
  return total + simd::sum(sums);
}

} // namespace vlm
