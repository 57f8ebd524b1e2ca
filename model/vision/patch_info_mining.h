// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/compute/norm.h"
#include "model/weights/vision_config.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// Patch info mining (mgm-spec section 3), in a rearranged form that projects neither keys nor
/// values (exact up to rounding): the key projection moves to the query, the value projection
/// behind the average, and HR tiles are upsampled and normalised one strip at a time.
class PatchInfoMining {
public:
  /// `scope` holds `vlm_uni_{query,aux,val}_projector.{0,1}.*`.
  PatchInfoMining(const Scope &scope, int64_t hidden_size, std::vector<int64_t> aux_dims);

  /// X [B, N, C] LR tokens (N a square number); stages: outputs of ConvNextTower for the same B
  /// pictures, channels last. Returns E [B, N, C]: what is to be added to X. Differentiable.
  at::Tensor operator()(const at::Tensor &x, const std::vector<at::Tensor> &stages) const;

private:
  LayerNorm query_norm_, aux_norm_, val_norm_;
  Linear query_, aux_, val_;
  std::vector<int64_t> aux_dims_;
};

} // namespace vlm
