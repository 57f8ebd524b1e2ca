// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/compute/norm.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// Patch info mining (mgm-spec section 3), in a rearranged form that projects neither keys nor
/// values (exact up to rounding): the key projection moves to the query, the value projection
/// behind the average, and the HR map is upsampled and normalised one token's tile at a time.
/// Const members may be called from any thread.
class PatchInfoMining {
public:
  /// `scope` holds `vlm_uni_{query,aux,val}_projector.{0,1}.*`; `aux_dims`: channels of the stages.
  PatchInfoMining(const Scope &scope, int64_t hidden_size, const std::vector<int64_t> &aux_dims);

  /// X [B, N, C] LR tokens (N a square number); stages: outputs of ConvNextTower for the same B
  /// pictures, channels last. The HR map is as large as the first stage, or smaller by `shrink` on
  /// each side (HD's global view); its side must be a multiple of sqrt(N). Returns E [B, N, C]:
  /// what is to be added to X. Differentiable.
  at::Tensor operator()(const at::Tensor &x, const std::vector<at::Tensor> &stages,
                        int64_t shrink = 1) const;

private:
  at::Tensor fold_query(const at::Tensor &x) const;

  int64_t aux_size_;
  LayerNorm query_norm_, aux_norm_, val_norm_;
  Linear query_, aux_, val_;
  Linear aux_packed_; // transposed; for types that are never trained
};

/// X + E for the views of one picture (HD, mgm-spec 3.3): x [g*g (+ 1), N, C], crops row by row and
/// then the global view if there is one; stages for that one picture. Returns [1, all, C] with the
/// global view first.
at::Tensor mine_views(const PatchInfoMining &mining, const at::Tensor &x,
                      const std::vector<at::Tensor> &stages, int64_t grid);

} // namespace vlm
