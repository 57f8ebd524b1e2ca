// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/decoder_layer.h"

#include <ATen/TensorOperators.h>

#include <algorithm>

namespace vlm {

DecoderLayer::DecoderLayer(const Scope &scope, const DecoderConfig &config)
    : head_dim_(config.head_dim), feed_forward_(scope, config) {
  const int64_t hidden = config.hidden_size;
  const int64_t q_size = config.num_attention_heads * config.head_dim;
  const int64_t kv_size = config.num_key_value_heads * config.head_dim;
  const auto norm = [&](const char *name) {
    return RmsNorm(scope.sub(name), hidden, config.rms_norm_eps, config.norm_unit_offset);
  };
  input_layernorm_ = norm("input_layernorm");
  post_attention_layernorm_ = norm("post_attention_layernorm");
  const Scope attn = scope.sub("self_attn");
  q_proj_ = Linear(attn.sub("q_proj"), hidden, q_size, false);
  k_proj_ = Linear(attn.sub("k_proj"), hidden, kv_size, false);
  v_proj_ = Linear(attn.sub("v_proj"), hidden, kv_size, false);
  o_proj_ = Linear(attn.sub("o_proj"), q_size, hidden, false);
}

at::Tensor DecoderLayer::operator()(const at::Tensor &x, const Rope &rope,
                                    const Attend &attend) const {
  return feed_forward({mix(x, rope, attend)})[0];
}

at::Tensor DecoderLayer::mix(const at::Tensor &x, const Rope &rope, const Attend &attend) const {
  const auto heads = [&](const at::Tensor &projected) {
    return projected.view({x.size(0), x.size(1), -1, head_dim_}).transpose(1, 2);
  };
  const at::Tensor normal = input_layernorm_(x);
  // Most of what bfloat16 products do to the logits comes by way of attention, which has the
  // smaller matrices.
  const at::Tensor q = rope(heads(q_proj_.precise(normal)));
  const at::Tensor k = rope(heads(k_proj_.precise(normal)));
  const at::Tensor mixed = attend(q, k, heads(v_proj_.precise(normal)));
  return x + o_proj_(mixed.transpose(1, 2).flatten(2));
}

int64_t DecoderLayer::independent_rows() const {
  int64_t least = feed_forward_.independent_rows();
  for (const Linear *linear : {&q_proj_, &k_proj_, &v_proj_, &o_proj_})
    least = std::min(least, linear->independent_rows());
  return least;
}

std::vector<at::Tensor> DecoderLayer::feed_forward(const std::vector<at::Tensor> &xs) const {
  std::vector<at::Tensor> normal;
  for (const at::Tensor &x : xs)
    normal.push_back(post_attention_layernorm_(x));
  std::vector<at::Tensor> out = feed_forward_(normal);
  for (size_t i = 0; i < xs.size(); ++i)
    out[i] = xs[i] + out[i];
  return out;
}

} // namespace vlm
