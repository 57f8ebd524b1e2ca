// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/packed_kernel.h"
#include "model/weights/state_dict.h"

#include <ATen/core/Tensor.h>

#include <memory>

namespace vlm {

/// A 3x3 or 1x1 convolution over channels-last maps (torch.nn.Conv2d, one group). Kernels are held
/// in the type of matrices; bfloat16 ones are multiplied as Linear does it. Differentiable for
/// float32 kernels.
class Convolution {
public:
  Convolution() = default;
  /// Reads `weight` [out, in, size, size] and `bias` [out]. With `stride` 2 every other pixel is
  /// kept.
  Convolution(const Scope &scope, int64_t in, int64_t out, int64_t size, int64_t stride = 1);

  int64_t in_channels() const { return in_; }
  int64_t out_channels() const { return out_; }

  /// x float32 [B, H, W, in], zeros around it -> [B, ceil(H / stride), ceil(W / stride), out].
  at::Tensor operator()(const at::Tensor &x) const;

  /// The same on a strip that has its neighbouring rows with it (3x3, stride 1):
  /// [B, H + 2, W, in] -> [B, H, W, out].
  at::Tensor strip(const at::Tensor &x) const;

  /// The same with nothing around it (3x3): [B, H, W, in] -> [B, (H - 3) / stride + 1, ..., out].
  at::Tensor inside(const at::Tensor &x) const;

private:
  at::Tensor run(const at::Tensor &x, int64_t padded_rows, int64_t padded_columns) const;

  bool is_product() const { return size_ == 1 && stride_ == 1; }

  int64_t in_ = 0, out_ = 0, size_ = 0, stride_ = 1;
  std::shared_ptr<const PackedKernel> packed_; // in place of weight_ where it can be
  at::Tensor weight_, bias_;
};

} // namespace vlm
