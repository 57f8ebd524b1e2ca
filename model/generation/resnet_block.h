// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/generation/strip_convolution.h"

#include <optional>

namespace vlm {

/// What a level's blocks have in common.
struct ResnetShape {
  int64_t groups;
  double eps;
  int64_t time_width = 0; ///< of the time embedding; 0: the VAE's blocks have none
};

/// diffusers' ResnetBlock2D over channels-last maps (mgm-spec 9.5, 9.6).
class ResnetBlock {
public:
  ResnetBlock(const Scope &scope, int64_t in, int64_t out, const ResnetShape &shape);

  /// x float32 [B, H, W, in] -> [B, H, W, out]. `time`: SiLU of the time embedding [B, time_width],
  /// undefined without one. Differentiable without strips.
  at::Tensor operator()(const at::Tensor &x, const at::Tensor &time = {},
                        const Strips &strips = {}) const;

private:
  at::Tensor add_input(at::Tensor y, const at::Tensor &x, const Strips &strips) const;

  NormedConvolution first_, second_;
  Linear time_emb_proj_;
  std::optional<Convolution> conv_shortcut_;
};

} // namespace vlm
