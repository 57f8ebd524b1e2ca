// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/feed_forward.h"

#include "model/compute/activation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace vlm {

FeedForward::FeedForward(const Scope &scope, const DecoderConfig &config)
    : hidden_act_(config.hidden_act), experts_per_token_(config.num_experts_per_tok),
      count_(static_cast<size_t>(config.num_local_experts)) {
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const auto read = [=](const Scope &from, const char *gate, const char *up, const char *down) {
    return Expert{Linear(from.sub(gate), hidden, inner, false),
                  Linear(from.sub(up), hidden, inner, false),
                  Linear(from.sub(down), inner, hidden, false)};
  };
  if (count_ == 1) {
    experts_.push_back(read(scope.sub("mlp"), "gate_proj", "up_proj", "down_proj"));
    return;
  }
  const Scope moe = scope.sub("block_sparse_moe");
  // Float32 whatever the matrices are: a rounded activation could send a position elsewhere.
  router_ = Linear(moe.sub("gate").tensor("weight", {config.num_local_experts, hidden}), {});
  read_ = [=](size_t i) {
    return read(moe.sub("experts").sub(static_cast<int64_t>(i)), "w1", "w3", "w2");
  };
  if (scope.is_streamed())
    return;
  for (size_t i = 0; i < count_; ++i)
    experts_.push_back(read_(i));
  read_ = nullptr;
}

int64_t FeedForward::independent_rows() const {
  int64_t least = count_ > 1 ? router_.independent_rows() : std::numeric_limits<int64_t>::max();
  for (const Expert &expert : experts_)
    for (const Linear *linear : {&expert.gate_proj, &expert.up_proj, &expert.down_proj})
      least = std::min(least, linear->independent_rows());
  return least;
}

at::Tensor FeedForward::run(const Expert &expert, const at::Tensor &x) const {
  at::Tensor inner = expert.gate_proj(x);
  inner = gated(hidden_act_, std::move(inner), expert.up_proj(x)); // which is gone then
  return expert.down_proj(inner);
}

FeedForward::Route FeedForward::route(const at::Tensor &rows) const {
  const at::Tensor probabilities = at::softmax(router_(rows), -1);
  const auto [weights, experts] = at::topk(probabilities, experts_per_token_, -1);
  return {experts, weights / weights.sum(-1, /*keepdim=*/true)};
}

struct FeedForward::Mixing {
  at::Tensor rows, out;
  Route route;
};

void FeedForward::add(size_t number, const Expert &expert, Mixing &to) const {
  const at::Tensor chosen = to.route.experts.eq(static_cast<int64_t>(number));
  const at::Tensor hits = at::nonzero(chosen.flatten()).flatten();
  if (hits.numel() == 0)
    return;
  const at::Tensor row = hits.floor_divide(experts_per_token_);
  const at::Tensor y = run(expert, at::index_select(to.rows, 0, row));
  const at::Tensor weight = at::index_select(to.route.weights.reshape(-1), 0, hits).unsqueeze(-1);
  to.out = to.out.index_add(0, row, y * weight);
}

std::vector<at::Tensor> FeedForward::operator()(const std::vector<at::Tensor> &xs) const {
  std::vector<at::Tensor> out;
  if (count_ == 1) {
    for (const at::Tensor &x : xs)
      out.push_back(run(experts_[0], x));
    return out;
  }
  std::vector<Mixing> all;
  for (const at::Tensor &x : xs) {
    const at::Tensor rows = x.reshape({-1, x.size(-1)});
    all.push_back({rows, at::zeros_like(rows), route(rows)});
  }
  for (size_t i = 0; i < count_; ++i) {
    const std::optional<Expert> read = read_ ? std::optional(read_(i)) : std::nullopt;
    for (Mixing &each : all)
      add(i, read ? *read : experts_[i], each);
  }
  for (size_t i = 0; i < xs.size(); ++i)
    out.push_back(all[i].out.view(xs[i].sizes()));
  return out;
}

at::Tensor FeedForward::operator()(const at::Tensor &x) const {
  return (*this)(std::vector<at::Tensor>{x})[0];
}

} // namespace vlm
