// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// A convolution whose stride equals its kernel size, as one product per patch.
class PatchConv {
public:
  /// Order of the pictures' dimensions.
  enum class Layout {
    Planes,       ///< [B, C, H, W]
    ChannelsLast, ///< [B, H, W, C]
  };
  PatchConv() = default;
  /// Reads `weight` [out, in, size, size] (size and channels are taken from its shape) and, when
  /// `bias` is set, `bias` [out].
  PatchConv(const Scope &scope, Layout layout, bool bias);

  int64_t size() const { return size_; }
  int64_t in_channels() const { return in_; }
  int64_t out_channels() const { return out_; }

  /// x float32 -> [B, H / size, W / size, out]; rows and columns that fill no patch are dropped.
  at::Tensor operator()(const at::Tensor &x) const;

private:
  at::Tensor matrix() const;
  at::Tensor patches(const at::Tensor &x) const;

  Layout layout_ = Layout::Planes;
  int64_t out_ = 0, in_ = 0, size_ = 0;
  at::Tensor weight_, bias_;
  Linear packed_; // for types that are never trained
};

} // namespace vlm
