// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/weights/decoder_config.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace vlm {

/// A layer's second half: down(act(gate x) * up x), dense or as Mixtral's experts, of which each
/// position uses the few that the router gives it to (mgm-spec 1.2).
class FeedForward {
public:
  /// `scope`: the layer, which holds `mlp.*`, or `block_sparse_moe.*` with more than one expert.
  FeedForward(const Scope &scope, const DecoderConfig &config);

  /// x float32 [..., hidden_size]; differentiable. Weights of experts that no position uses are not
  /// read.
  at::Tensor operator()(const at::Tensor &x) const;
  /// The same of each of `xs`, with one expert after the other: what is streamed is read once.
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor> &xs) const;

  int64_t independent_rows() const; ///< see Linear

  /// Which experts each of `rows` [M, hidden_size] goes to, best first.
  struct Route {
    at::Tensor experts; ///< int64 [M, num_experts_per_tok]
    at::Tensor weights; ///< the same shape, each row sums to 1
  };
  Route route(const at::Tensor &rows) const;

private:
  struct Expert {
    Linear gate_proj, up_proj, down_proj; // Mixtral: w1, w3, w2
  };
  struct Mixing; // of one of `xs`
  at::Tensor run(const Expert &expert, const at::Tensor &x) const;
  void add(size_t number, const Expert &expert, Mixing &to) const;

  Activation hidden_act_;
  int64_t experts_per_token_;
  Linear router_; // Mixtral only; always float32
  std::vector<Expert> experts_;
  std::function<Expert(size_t)> read_; // in place of experts_, when they are streamed
  size_t count_;                       // of experts
};

} // namespace vlm
