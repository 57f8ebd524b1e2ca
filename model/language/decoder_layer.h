// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"
#include "model/compute/norm.h"
#include "model/language/feed_forward.h"
#include "model/language/rope.h"
#include "model/weights/decoder_config.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace vlm {

/// One layer of a decoder: attention, then the feed-forward part, each behind its norm (mgm-spec
/// 1.2).
class DecoderLayer {
public:
  /// `scope`: "model.layers.N".
  DecoderLayer(const Scope &scope, const DecoderConfig &config);

  /// Mixes positions: (q, k, v) [B, heads, L, head_dim] -> [B, num_attention_heads, L, head_dim].
  using Attend =
      std::function<at::Tensor(const at::Tensor &, const at::Tensor &, const at::Tensor &)>;

  /// x float32 [B, L, hidden_size] -> the same shape; differentiable if `attend` is.
  at::Tensor operator()(const at::Tensor &x, const Rope &rope, const Attend &attend) const;

  int64_t independent_rows() const; ///< see Linear

  /// Its halves. The second one is that of several at a time, see FeedForward.
  at::Tensor mix(const at::Tensor &x, const Rope &rope, const Attend &attend) const;
  std::vector<at::Tensor> feed_forward(const std::vector<at::Tensor> &xs) const;

private:
  int64_t head_dim_;
  RmsNorm input_layernorm_, post_attention_layernorm_;
  Linear q_proj_, k_proj_, v_proj_, o_proj_;
  FeedForward feed_forward_;
};

} // namespace vlm
