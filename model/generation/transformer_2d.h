// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/group_norm.h"
#include "model/compute/norm.h"
#include "model/core/pace.h"
#include "model/generation/cross_attention.h"

#include <vector>

namespace vlm {

/// diffusers' Transformer2DModel with linear projections: the pixels of a map attend to each other
/// and to the text (mgm-spec 9.5).
class Transformer2D {
public:
  struct Shape {
    int64_t channels, heads, depth;
    int64_t context; ///< width of the text's embeddings
    int64_t groups;
  };
  Transformer2D(const Scope &scope, const Shape &shape);

  /// x float32 [B, H, W, channels], context [B, S, context] -> as x. Differentiable. Throws
  /// Error(Cancelled) between blocks.
  at::Tensor operator()(const at::Tensor &x, const at::Tensor &context, const Pace &pace) const;

private:
  struct Block {
    Block(const Scope &scope, const Shape &shape);
    at::Tensor feed_forward(const at::Tensor &x) const;
    LayerNorm norm1, norm2, norm3;
    CrossAttention attn1, attn2;
    Linear spread, gather;
  };

  GroupNorm norm_;
  Linear proj_in_, proj_out_;
  std::vector<Block> blocks_;
};

} // namespace vlm
