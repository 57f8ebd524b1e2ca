// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/patch_info_mining.h"

#include "model/vision/tile_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <cmath>
#include <numeric>

namespace vlm {
namespace {

constexpr double kMiningEps = 1e-5;

} // namespace

PatchInfoMining::PatchInfoMining(const Scope &scope, int64_t hidden_size,
                                 const std::vector<int64_t> &aux_dims)
    : aux_size_(std::accumulate(aux_dims.begin(), aux_dims.end(), int64_t(0))),
      query_norm_(scope.sub("vlm_uni_query_projector").sub("0"), hidden_size, kMiningEps),
      aux_norm_(scope.sub("vlm_uni_aux_projector").sub("0"), aux_size_, kMiningEps),
      val_norm_(scope.sub("vlm_uni_val_projector").sub("0"), aux_size_, kMiningEps),
      query_(scope.sub("vlm_uni_query_projector").sub("1"), hidden_size, hidden_size, true),
      aux_(scope.sub("vlm_uni_aux_projector").sub("1"), aux_size_, hidden_size, true),
      val_(scope.sub("vlm_uni_val_projector").sub("1"), aux_size_, hidden_size, true) {
  if (aux_.weight().scalar_type() != at::kFloat)
    aux_packed_ = Linear(aux_.weight().t().contiguous(), {});
}

at::Tensor PatchInfoMining::operator()(const at::Tensor &x, const std::vector<at::Tensor> &stages,
                                       int64_t shrink) const {
  // Every weight of the average sums to one, so the value's norm and projection may follow it.
  const at::Tensor average = tile_attention(fold_query(x), stages, kMiningEps, shrink);
  return val_(average * val_norm_.weight() + val_norm_.bias());
}

/// q . (W (g n + b) + c) = (g W^T q) . n + a constant that the softmax drops.
at::Tensor PatchInfoMining::fold_query(const at::Tensor &x) const {
  const at::Tensor q = query_(query_norm_(x)) / std::sqrt(double(x.size(2)));
  const at::Tensor folded =
      aux_packed_.weight().defined() ? aux_packed_(q) : Linear(aux_.weight().t(), {})(q);
  return folded * aux_norm_.weight();
}

/// All crops together are one square of tokens over the whole HR map, so the map is never cut: only
/// the tokens change their order. The global view sees the map made smaller.
at::Tensor mine_views(const PatchInfoMining &mining, const at::Tensor &x,
                      const std::vector<at::Tensor> &stages, int64_t grid) {
  const int64_t g = grid, width = x.size(2), p = std::llround(std::sqrt(double(x.size(1))));
  const at::Tensor crops = x.narrow(0, 0, g * g);
  const at::Tensor square =
      crops.reshape({g, g, p, p, width}).permute({0, 2, 1, 3, 4}).reshape({1, -1, width});
  const at::Tensor local = crops.reshape({1, -1, width}) + mining(square, stages)
                                                               .view({g, p, g, p, width})
                                                               .permute({0, 2, 1, 3, 4})
                                                               .reshape({1, -1, width});
  if (x.size(0) == g * g)
    return local;
  const at::Tensor global = x.narrow(0, g * g, 1);
  return at::cat({global + mining(global, stages, g), local}, 1);
}

} // namespace vlm
