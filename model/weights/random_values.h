// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace vlm {

/// Bfloat16 weights of a deviation that keeps activations finite, for models of a released one's
/// real size: normal values from a fixed table at a running offset, fast enough for 14 GB.
class RandomValues {
public:
  RandomValues() : table_((1 << 20) + 7) {
    std::mt19937_64 random(1);
    std::normal_distribution<float> normal;
    for (float &value : table_)
      value = normal(random);
  }

  at::Tensor make(const std::vector<int64_t> &shape) {
    at::Tensor tensor = at::empty(shape, at::kBFloat16);
    const bool vector = shape.size() == 1;
    const float scale =
        vector ? 0.1f : 1 / std::sqrt(static_cast<float>(tensor.numel() / shape[0]));
    auto *out = tensor.data_ptr<at::BFloat16>();
    for (int64_t i = 0; i < tensor.numel(); ++i)
      out[i] = at::BFloat16(scale * table_[(position_ + static_cast<size_t>(i)) % table_.size()] +
                            (vector ? 0.5f : 0));
    position_ += static_cast<size_t>(tensor.numel());
    return tensor;
  }

private:
  std::vector<float> table_;
  size_t position_ = 0;
};

} // namespace vlm
