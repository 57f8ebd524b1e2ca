// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace vlm {

/// The kernel of a convolution over channels-last maps in the order that the processor multiplies
/// fastest: brought into it once, at its first use, and held in that order only. Never learns. Any
/// thread may call it.
class PackedKernel {
public:
  /// `weight` [out, in, height, width], float32, or bfloat16 where cpu_has_bf16(); `bias` float32
  /// [out].
  PackedKernel(at::Tensor weight, at::Tensor bias, int64_t stride);
  ~PackedKernel();

  /// x float32 [B, H, W, in] with so many zeros on either side -> float32 [B, H', W', out]. Inputs
  /// of bfloat16 kernels are rounded, sums are not. Throws Failed where oneDNN refuses.
  at::Tensor operator()(const at::Tensor &x, int64_t padded_rows, int64_t padded_columns) const;

private:
  class Order;
  const at::Tensor bias_;
  const int64_t stride_;
  const std::unique_ptr<Order> order_;
};

} // namespace vlm
