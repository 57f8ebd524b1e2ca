// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/bf16_product.h"

#include "model/compute/gemm.h"
#include "model/compute/simd.h"
#include "model/compute/threads.h"
#include "model/core/machine.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace vlm {
namespace {

constexpr int64_t kPanel = 1 << 22; // weights that are unpacked at once

void unpack(const uint16_t *from, float *to, int64_t count) {
  parallel_for(0, count, kWorthElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      to[i] = simd::widen(from[i]);
  });
}

void unpacked(int64_t m, const float *x, const uint16_t *w, int64_t n, int64_t k, float *y) {
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
  const at::Tensor y = at::empty({m, n}, x.options());
  if (k == 0)
    return y.zero_();
  const auto *w = reinterpret_cast<const uint16_t *>(weight.data_ptr<at::BFloat16>());
  float *out = y.data_ptr<float>();
  if (!cpu_has_bf16() || !gemm_bf16(m, n, k, x.to(at::kBFloat16).data_ptr(), w, out))
    unpacked(m, x.data_ptr<float>(), w, n, k, out);
  return y;
}

} // namespace vlm
