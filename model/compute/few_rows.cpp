// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/few_rows.h"

#include "model/compute/simd.h"
#include "model/compute/threads.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace vlm {
namespace {

using simd::Float8;
using simd::Int8;

constexpr int64_t kStep = 16;  // weights of a row that the kernel takes at once
constexpr int64_t kChunk = 64; // steps after which the next group of rows gets its turn
constexpr int kRowGroup = 4;   // rows of x that the kernel takes at once
// Rows of weights that the kernel takes at once. They lie far apart: the processor foresees what
// is read where each of few streams goes on, not where neighbours take turns.
constexpr int kTogether = 3;

// How a step of weights is read as two times eight float32: `half` 0 and 1, and which of the eight
// and the halves value i of the step becomes.
struct Float32 {
  using Value = float;
  static Float8 half(const float *from, int which) {
    return simd::load(from + which * simd::kLanes);
  }
  static int64_t place(int64_t i) { return i; }
  static float widen(float value) { return value; }
};

// Halves are the values with even and with odd indices: two bfloat16 lie in 32 bits.
struct BFloat16 {
  using Value = uint16_t;
  static Float8 half(const uint16_t *from, int which) {
    Int8 bits;
    std::memcpy(&bits, from, sizeof bits);
    bits = which == 0 ? bits << 16 : bits & static_cast<int32_t>(0xffff0000);
    Float8 out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
  }
  static int64_t place(int64_t i) { return i % 2 * simd::kLanes + i / 2; }
  static float widen(uint16_t bits) { return simd::widen(bits); }
};

// x [m, k] times rows of weights [n, k].
struct Product {
  int64_t m, n, k;
  const float *x;
  float *y; // [m, n], zeros at first

  int64_t steps() const { return k / kStep; }
};

// x in the order in which the kernel reads it: groups of rows, in a group steps, in a step rows, in
// a row the halves. What is left behind the last step is left out.
template <typename W> at::Tensor pack(const Product &p) {
  const int64_t steps = p.steps();
  const at::Tensor out = at::empty({p.m * steps * kStep}, at::kFloat);
  for (int64_t row = 0; row < p.m; ++row) {
    const int64_t first = row - row % kRowGroup, rows = std::min<int64_t>(kRowGroup, p.m - first);
    float *group = out.data_ptr<float>() + first * steps * kStep;
    for (int64_t step = 0; step < steps; ++step)
      for (int64_t i = 0; i < kStep; ++i)
        group[(step * rows + row % kRowGroup) * kStep + W::place(i)] =
            p.x[row * p.k + step * kStep + i];
  }
  return out;
}

// How far apart are rows of weights that are taken at once, their outputs, and rows of outputs.
struct Strides {
  int64_t weights, outputs, rows;
};

// y [M, R] += x w^T over some steps. With M and R known all sums stay in registers. A sum's order
// and roundings are the same for every M and R.
template <typename W, int M, int R>
void block(const float *x, const typename W::Value *w, int64_t steps, float *y,
           const Strides &apart) {
  Float8 sums[R][M] = {};
  for (; steps > 0; --steps, x += M * kStep, w += kStep)
    for (int half = 0; half < 2; ++half) {
      Float8 weights[R];
      for (int r = 0; r < R; ++r)
        weights[r] = W::half(w + r * apart.weights, half);
      for (int m = 0; m < M; ++m)
        for (int r = 0; r < R; ++r)
          sums[r][m] =
              simd::fused(weights[r], simd::load(x + m * kStep + half * simd::kLanes), sums[r][m]);
    }
  for (int m = 0; m < M; ++m)
    for (int r = 0; r < R; ++r)
      y[m * apart.rows + r * apart.outputs] += simd::sum(sums[r][m]);
}

// All rows of x times R rows of weights, the first `row`, each `apart` from the next. A chunk of
// these stays in the nearest cache meanwhile.
template <typename W, int R>
void column(const Product &p, const float *packed, const typename W::Value *weight, int64_t row,
            int64_t apart) {
  static constexpr decltype(&block<W, 1, R>) kernels[kRowGroup] = {block<W, 1, R>, block<W, 2, R>,
                                                                   block<W, 3, R>, block<W, 4, R>};
  const int64_t steps = p.steps();
  const typename W::Value *w = weight + row * p.k;
  const Strides strides{apart * p.k, apart, p.n};
  for (int64_t step = 0; step < steps; step += kChunk)
    for (int64_t first = 0; first < p.m; first += kRowGroup) {
      const int64_t rows = std::min<int64_t>(kRowGroup, p.m - first);
      kernels[rows - 1](packed + (first * steps + step * rows) * kStep, w + step * kStep,
                        std::min(kChunk, steps - step), p.y + first * p.n + row, strides);
    }
}

// The products of the values behind the last step.
template <typename W>
void add_rest(const Product &p, const typename W::Value *weight, int64_t row) {
  for (int64_t m = 0; m < p.m; ++m)
    for (int64_t i = p.k - p.k % kStep; i < p.k; ++i)
      p.y[m * p.n + row] += p.x[m * p.k + i] * W::widen(weight[row * p.k + i]);
}

template <typename W> void multiply(const Product &p, const void *weights) {
  const at::Tensor packed = pack<W>(p);
  const float *in = packed.data_ptr<float>();
  const auto *w = static_cast<const typename W::Value *>(weights);
  const int64_t grain = std::max<int64_t>(kTogether, outputs_grain(p.m, p.k));
  parallel_for(0, p.n, grain, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i)
      add_rest<W>(p, w, i);
    const int64_t apart = (to - from) / kTogether;
    for (int64_t i = 0; i < apart; ++i)
      column<W, kTogether>(p, in, w, from + i, apart);
    for (int64_t i = from + apart * kTogether; i < to; ++i)
      column<W, 1>(p, in, w, i, 0);
  });
}

} // namespace

at::Tensor few_rows_product(const at::Tensor &x, const at::Tensor &weight) {
  const int64_t m = x.size(0), n = weight.size(0);
  at::Tensor y = at::zeros({m, n}, x.options());
  const Product product{m, n, x.size(1), x.data_ptr<float>(), y.data_ptr<float>()};
  if (weight.scalar_type() == at::kBFloat16)
    multiply<BFloat16>(product, weight.data_ptr());
  else
    multiply<Float32>(product, weight.data_ptr());
  return y;
}

} // namespace vlm
