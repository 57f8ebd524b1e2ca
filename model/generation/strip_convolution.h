// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/convolution.h"
#include "model/compute/group_norm.h"

#include <ATen/core/Tensor.h>

#include <functional>

namespace vlm {

/// How many rows of a map are worked on at a time: all of them, or as many as hold `values` values.
struct Strips {
  int64_t values = 0; ///< 0: all rows
  int64_t rows(int64_t height, int64_t width, int64_t channels) const;
};

/// Calls part(from, to) for strips of at most `rows` rows.
void for_strips(int64_t height, int64_t rows, const std::function<void(int64_t, int64_t)> &part);

/// A 3x3 convolution over a map [B, height, W, C] that never exists as a whole: `map(from, to)`
/// makes its rows [from, to), a few more than `rows` at a time. The result does exist.
/// Differentiable when all rows are taken at once.
at::Tensor convolve_rows(const Convolution &convolution, int64_t height, int64_t rows,
                         const std::function<at::Tensor(int64_t, int64_t)> &map);

/// convolution(SiLU(norm(x))), what residual blocks are made of. With strips, which give the same
/// result, only the norm's statistics see the whole map at once.
class NormedConvolution {
public:
  NormedConvolution() = default;
  NormedConvolution(GroupNorm norm, Convolution convolution);

  /// x float32 [B, H, W, in] -> [B, H, W, out].
  at::Tensor operator()(const at::Tensor &x, const Strips &strips = {}) const;

private:
  GroupNorm norm_;
  Convolution convolution_;
};

/// Twice the size by nearest neighbours, then a 3x3 convolution (Upsample2D).
class Upsample {
public:
  Upsample(const Scope &scope, int64_t channels); ///< `scope` holds `conv`

  /// x [B, H, W, C] -> [B, height, width, C]; `height` is 2 H or one less, `width` likewise.
  at::Tensor operator()(const at::Tensor &x, int64_t height, int64_t width,
                        const Strips &strips = {}) const;

private:
  Convolution convolution_;
};

} // namespace vlm
