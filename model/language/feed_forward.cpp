// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/feed_forward.h"

#include "model/compute/few_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros_like.h>

namespace vlm {

FeedForward::FeedForward(const Scope &scope, const DecoderConfig &config)
    : hidden_act_(config.hidden_act), experts_per_token_(config.num_experts_per_tok) {
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const auto expert = [&](const Scope &from, const char *gate, const char *up, const char *down) {
    experts_.push_back({Linear(from.sub(gate), hidden, inner, false),
                        Linear(from.sub(up), hidden, inner, false),
                        Linear(from.sub(down), inner, hidden, false)});
  };
  if (config.num_local_experts == 1) {
    expert(scope.sub("mlp"), "gate_proj", "up_proj", "down_proj");
    return;
  }
  const Scope moe = scope.sub("block_sparse_moe");
  // Float32 whatever the matrices are: a rounded activation could send a position elsewhere.
  router_ = Linear(moe.sub("gate").tensor("weight", {config.num_local_experts, hidden}), {});
  for (int64_t i = 0; i < config.num_local_experts; ++i)
    expert(moe.sub("experts").sub(i), "w1", "w3", "w2");
}

at::Tensor FeedForward::activate(const at::Tensor &x) const {
  if (hidden_act_ == Activation::Silu)
    return at::silu(x);
  return at::gelu(x, hidden_act_ == Activation::GeluTanh ? "tanh" : "none");
}

// The library rounds a value differently at the end of a tensor than within it: when decoding, each
// row is a tensor of its own, so that company does not change it.
at::Tensor FeedForward::activate_rows(const at::Tensor &x) const {
  const at::Tensor rows = x.view({-1, x.size(-1)});
  const bool learns = at::GradMode::is_enabled() && x.requires_grad();
  if (learns || rows.size(0) == 1 || rows.size(0) > kFewRows)
    return activate(x);
  const at::Tensor out = at::empty_like(rows);
  for (int64_t i = 0; i < rows.size(0); ++i)
    out.select(0, i).copy_(activate(rows.select(0, i)));
  return out.view(x.sizes());
}

at::Tensor FeedForward::run(const Expert &expert, const at::Tensor &x) const {
  at::Tensor inner =
      activate_rows(expert.gate_proj(x)); // two of these large ones at a time, not three
  return expert.down_proj(inner.mul_(expert.up_proj(x)));
}

FeedForward::Route FeedForward::route(const at::Tensor &rows) const {
  const at::Tensor probabilities = at::softmax(router_(rows), -1);
  const auto [weights, experts] = at::topk(probabilities, experts_per_token_, -1);
  return {experts, weights / weights.sum(-1, /*keepdim=*/true)};
}

at::Tensor FeedForward::operator()(const at::Tensor &x) const {
  if (experts_.size() == 1)
    return run(experts_[0], x);
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  const auto [chosen, weights] = route(rows);
  const at::Tensor flat_weights = weights.reshape(-1);
  at::Tensor out = at::zeros_like(rows);
  for (size_t e = 0; e < experts_.size(); ++e) {
    const at::Tensor hits = at::nonzero(chosen.eq(static_cast<int64_t>(e)).flatten()).flatten();
    if (hits.numel() == 0)
      continue;
    const at::Tensor row = hits.floor_divide(experts_per_token_);
    const at::Tensor y = run(experts_[e], at::index_select(rows, 0, row));
    const at::Tensor weight = at::index_select(flat_weights, 0, hits).unsqueeze(-1);
    out = out.index_add(0, row, y * weight);
  }
  return out.view(x.sizes());
}

} // namespace vlm
