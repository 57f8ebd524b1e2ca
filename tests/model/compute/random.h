// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <vector>

namespace vlm::test {

/// Values in [-1, 1), the same on every machine and with every version of libtorch.
inline at::Tensor values(const std::vector<int64_t> &shape, uint64_t seed) {
  at::Tensor out = at::empty(shape, at::kFloat);
  float *data = out.data_ptr<float>();
  uint64_t state = seed * 2862933555777941757ULL + 3037000493ULL;
  for (int64_t i = 0; i < out.numel(); ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    data[i] = static_cast<float>(state >> 40) * 0x1p-23f - 1;
  }
  return out;
}

/// A leaf that collects its gradient.
inline at::Tensor parameter(const std::vector<int64_t> &shape, uint64_t seed) {
  return values(shape, seed).requires_grad_(true);
}

/// The same numbers in float64, a leaf of its own.
inline at::Tensor twin(const at::Tensor &t) {
  return t.detach().to(at::kDouble).requires_grad_(t.requires_grad());
}

/// Any scalar that depends on all of `t`, so that its gradient is not constant.
inline at::Tensor scalar(const at::Tensor &t) {
  return (t * values(t.sizes().vec(), 99).to(t.scalar_type())).sum();
}

} // namespace vlm::test
