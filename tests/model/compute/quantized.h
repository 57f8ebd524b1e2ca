// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/quantized_weight.h"

#include <ATen/ops/empty.h>

namespace vlm::test {

inline QuantizedWeight quantized(Quantization kind, const at::Tensor &w) {
  return QuantizedWeight(kind, w.size(0), w.size(1),
                         [&](int64_t first, int64_t count) { return w.narrow(0, first, count); });
}

/// The integer that is held for a weight, by the words of integer_kernels.h.
inline int64_t held(const QuantizedWeight &w, int64_t row, int64_t column) {
  const int64_t panel = row / 16, r = row % 16, block = column / 64, c = column % 64;
  if (w.kind() == Quantization::Int8)
    return w.int8(panel, block)[c / 4 * 64 + r * 4 + c % 4];
  const Int4Block &b = *w.int4(panel, block);
  const int64_t group = c / 32, i = c % 32;
  const int byte = b.nibbles[group][i % 16 / 4][r][i % 4];
  return b.offsets[r][group] + b.scales[group][r] * (i < 16 ? byte & 15 : byte >> 4);
}

/// The float32 values of the weights that are held.
inline at::Tensor values_of(const QuantizedWeight &w) {
  at::Tensor out = at::empty({w.out_features(), w.in_features()}, at::kFloat);
  for (int64_t r = 0; r < w.out_features(); ++r)
    for (int64_t c = 0; c < w.in_features(); ++c)
      out.data_ptr<float>()[r * w.in_features() + c] =
          static_cast<float>(held(w, r, c)) * w.scales(r / 16)[r % 16];
  return out;
}

} // namespace vlm::test
