// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/bf16_product.h"

#include "model/compute/gemm.h"
#include "model/compute/simd.h"
#include "model/compute/threads.h"
#include "model/core/machine.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace vlm {
namespace {

using simd::Float8;
using simd::Int8;

constexpr int64_t kMostRows = 32;   // of x that go through the kernel for few rows
constexpr int64_t kStep = 16;       // weights of a row that the kernel takes at once
constexpr int64_t kChunk = 64;      // steps after which the next group of rows gets its turn
constexpr int kGroup = 4;           // rows of x that the kernel takes at once
constexpr int kTogether = 3;        // rows of weights that the kernel takes at once
constexpr int64_t kPart = 1 << 16;  // weights that are worth a thread
constexpr int64_t kPanel = 1 << 22; // weights that are unpacked at once

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

// x [m, k] in the order in which the kernel reads it: groups of rows, in a group steps, in a step
// rows, in a row even and odd values as Pairs comes. What is left behind the last step is left out.
at::Tensor pack(const float *x, int64_t m, int64_t k) {
  const int64_t steps = k / kStep;
  const at::Tensor out = at::empty({m * steps * kStep}, at::kFloat);
  for (int64_t row = 0; row < m; ++row) {
    const int64_t first = row - row % kGroup, rows = std::min<int64_t>(kGroup, m - first);
    float *group = out.data_ptr<float>() + first * steps * kStep;
    for (int64_t step = 0; step < steps; ++step)
      for (int64_t i = 0; i < kStep; ++i)
        group[(step * rows + row % kGroup) * kStep + i % 2 * simd::kLanes + i / 2] =
            x[row * k + step * kStep + i];
  }
  return out;
}

// y [M, R] += x w^T over some steps; rows of w are `k` apart, rows of y `n`. With M and R known all
// sums stay in registers.
template <int M, int R>
void block(const float *x, const uint16_t *w, int64_t k, int64_t steps, float *y, int64_t n) {
  Float8 sums[R][M] = {};
  for (; steps > 0; --steps, x += M * kStep, w += kStep)
    for (int half = 0; half < 2; ++half) {
      Float8 weights[R];
      for (int r = 0; r < R; ++r)
        weights[r] = half == 0 ? Pairs(w + r * k).even : Pairs(w + r * k).odd;
      for (int m = 0; m < M; ++m)
        for (int r = 0; r < R; ++r)
          sums[r][m] += weights[r] * simd::load(x + m * kStep + half * simd::kLanes);
    }
  for (int m = 0; m < M; ++m)
    for (int r = 0; r < R; ++r)
      y[m * n + r] += simd::sum(sums[r][m]);
}

template <int R>
void block(int64_t rows, const float *x, const uint16_t *w, int64_t k, int64_t steps, float *y,
           int64_t n) {
  static constexpr decltype(&block<1, R>) kernels[kGroup] = {block<1, R>, block<2, R>, block<3, R>,
                                                             block<4, R>};
  kernels[rows - 1](x, w, k, steps, y, n);
}

// All rows of x times R rows of weights. A chunk of these stays in the nearest cache meanwhile.
template <int R>
void column(const float *packed, int64_t m, const uint16_t *w, int64_t k, float *y, int64_t n) {
  const int64_t steps = k / kStep;
  for (int64_t step = 0; step < steps; step += kChunk)
    for (int64_t first = 0; first < m; first += kGroup) {
      const int64_t rows = std::min<int64_t>(kGroup, m - first);
      block<R>(rows, packed + (first * steps + step * rows) * kStep, w + step * kStep, k,
               std::min(kChunk, steps - step), y + first * n, n);
    }
}

// The products of the values behind the last step.
void add_rest(const float *x, int64_t m, const uint16_t *w, int64_t k, float *y, int64_t n) {
  for (int64_t row = 0; row < m; ++row)
    for (int64_t i = k - k % kStep; i < k; ++i)
      y[row * n] += x[row * k + i] * widen(w[i]);
}

// y begins as zeros.
void few_rows(int64_t m, const float *x, const uint16_t *w, int64_t n, int64_t k, float *y) {
  const at::Tensor packed = pack(x, m, k);
  const float *in = packed.data_ptr<float>();
  parallel_for(0, n, std::max<int64_t>(kTogether, kPart / (k + 1)), [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i)
      add_rest(x, m, w + i * k, k, y + i, n);
    for (; from + kTogether <= to; from += kTogether)
      column<kTogether>(in, m, w + from * k, k, y + from, n);
    for (; from < to; ++from)
      column<1>(in, m, w + from * k, k, y + from, n);
  });
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
  at::Tensor y = at::zeros({m, n}, x.options());
  const auto *w = reinterpret_cast<const uint16_t *>(weight.data_ptr<at::BFloat16>());
  const float *in = x.data_ptr<float>();
  float *out = y.data_ptr<float>();
  const bool native = cpu_has_bf16(); // whose kernels are better at all but the fewest rows
  if (m <= (native ? kGroup : kMostRows))
    few_rows(m, in, w, n, k, out);
  else if (!native || !gemm_bf16(m, n, k, x.to(at::kBFloat16).data_ptr(), w, out))
    many_rows(m, in, w, n, k, out);
  return y;
}

} // namespace vlm
