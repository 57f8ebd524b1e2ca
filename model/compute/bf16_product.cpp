// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/bf16_product.h"

#include "model/compute/gemm.h"
#include "model/compute/simd.h"
#include "model/compute/threads.h"
#include "model/core/machine.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

namespace vlm {
namespace {

using simd::Float8;
using simd::Int8;

constexpr int64_t kMostRows = 8;    // of x that go through the kernel for few rows
constexpr int64_t kStep = 16;       // weights the kernel takes at once
constexpr int64_t kPart = 1 << 15;  // weights that are worth a thread
constexpr int64_t kPanel = 1 << 20; // weights that are unpacked at once

float widen(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float out;
  std::memcpy(&out, &wide, sizeof out);
  return out;
}

// 16 neighbouring bfloat16 values as float32: those with even indices, those with odd ones.
struct Pairs {
  explicit Pairs(const uint16_t *from) {
    Int8 bits;
    std::memcpy(&bits, from, sizeof bits);
    const Int8 low = bits << 16, high = bits & static_cast<int32_t>(0xffff0000);
    std::memcpy(&even, &low, sizeof even);
    std::memcpy(&odd, &high, sizeof odd);
  }
  Float8 even, odd;
};

// x with each 16 values sorted into even and odd ones, as Pairs comes.
std::vector<float> sort_pairs(const float *x, int64_t m, int64_t k) {
  std::vector<float> out(x, x + m * k);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t i = row * k; i + kStep <= (row + 1) * k; i += kStep)
      for (int64_t j = 0; j < kStep / 2; ++j) {
        out[i + j] = x[i + 2 * j];
        out[i + kStep / 2 + j] = x[i + 2 * j + 1];
      }
  return out;
}

// R rows of weights times M rows of x.
template <int M, int R>
void block(const float *x, const uint16_t *w, int64_t k, float *y, int64_t n) {
  Float8 sums[R][M] = {};
  int64_t i = 0;
  for (; i + kStep <= k; i += kStep)
    for (int r = 0; r < R; ++r) {
      const Pairs pairs(w + r * k + i);
      for (int m = 0; m < M; ++m) {
        sums[r][m] += pairs.even * simd::load(x + m * k + i);
        sums[r][m] += pairs.odd * simd::load(x + m * k + i + simd::kLanes);
      }
    }
  for (int r = 0; r < R; ++r)
    for (int m = 0; m < M; ++m) {
      float total = simd::sum(sums[r][m]);
      for (int64_t j = i; j < k; ++j)
        total += widen(w[r * k + j]) * x[m * k + j];
      y[m * n + r] = total;
    }
}

// Several rows of weights at once hide the latency of the sums while registers last.
template <int M> void few_rows(const float *x, const uint16_t *w, int64_t n, int64_t k, float *y) {
  constexpr int kTogether = M <= 2 ? 4 : M <= 4 ? 2 : 1;
  parallel_for(0, n, std::max<int64_t>(1, kPart / k), [&](int64_t from, int64_t to) {
    for (; from + kTogether <= to; from += kTogether)
      block<M, kTogether>(x, w + from * k, k, y + from, n);
    for (; from < to; ++from)
      block<M, 1>(x, w + from * k, k, y + from, n);
  });
}

void few_rows(int64_t m, const float *x, const uint16_t *w, int64_t n, int64_t k, float *y) {
  using Kernel = void (*)(const float *, const uint16_t *, int64_t, int64_t, float *);
  static constexpr Kernel kernels[kMostRows] = {few_rows<1>, few_rows<2>, few_rows<3>, few_rows<4>,
                                                few_rows<5>, few_rows<6>, few_rows<7>, few_rows<8>};
  kernels[m - 1](sort_pairs(x, m, k).data(), w, n, k, y);
}

void unpack(const uint16_t *from, float *to, int64_t count) {
  parallel_for(0, count, kPart, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      to[i] = widen(from[i]);
  });
}

void many_rows(int64_t m, const float *x, const uint16_t *w, int64_t n, int64_t k, float *y) {
  const int64_t step = std::clamp<int64_t>(kPanel / k, 16, std::max<int64_t>(n, 16));
  const at::Tensor panel = at::empty({step, k}, at::kFloat);
  for (int64_t from = 0; from < n; from += step) {
    const int64_t count = std::min(step, n - from);
    unpack(w + from * k, panel.data_ptr<float>(), count * k);
    gemm(m, count, k, 1, {x, k}, {panel.data_ptr<float>(), k, true}, 0, y + from, n);
  }
}

} // namespace

at::Tensor bf16_product(const at::Tensor &x, const at::Tensor &weight) {
  const int64_t m = x.size(0), k = x.size(1), n = weight.size(0);
  at::Tensor y = at::empty({m, n}, x.options());
  const auto *w = reinterpret_cast<const uint16_t *>(weight.data_ptr<at::BFloat16>());
  const float *in = x.data_ptr<float>();
  float *out = y.data_ptr<float>();
  if (m == 0)
    return y;
  if (m <= kMostRows)
    few_rows(m, in, w, n, k, out);
  else if (!cpu_has_bf16() || !gemm_bf16(m, n, k, x.to(at::kBFloat16).data_ptr(), w, out))
    many_rows(m, in, w, n, k, out);
  return y;
}

} // namespace vlm
