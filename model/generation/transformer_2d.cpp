// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/transformer_2d.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>

namespace vlm {
namespace {

constexpr double kNormEps = 1e-5, kGroupNormEps = 1e-6;

} // namespace

Transformer2D::Block::Block(const Scope &scope, const Shape &shape)
    : norm1(scope.sub("norm1"), shape.channels, kNormEps),
      norm2(scope.sub("norm2"), shape.channels, kNormEps),
      norm3(scope.sub("norm3"), shape.channels, kNormEps),
      attn1(scope.sub("attn1"), shape.channels, shape.channels, shape.heads, /*bias=*/false),
      attn2(scope.sub("attn2"), shape.channels, shape.context, shape.heads, /*bias=*/false),
      spread(scope.sub("ff.net.0.proj"), shape.channels, 8 * shape.channels, true),
      gather(scope.sub("ff.net.2"), 4 * shape.channels, shape.channels, true) {}

at::Tensor Transformer2D::Block::feed_forward(const at::Tensor &x) const {
  const at::Tensor wide = spread(x);
  const int64_t half = wide.size(-1) / 2;
  return gather(wide.narrow(-1, 0, half) * at::gelu(wide.narrow(-1, half, half)));
}

Transformer2D::Transformer2D(const Scope &scope, const Shape &shape)
    : norm_(scope.sub("norm"), shape.groups, shape.channels, kGroupNormEps),
      proj_in_(scope.sub("proj_in"), shape.channels, shape.channels, true),
      proj_out_(scope.sub("proj_out"), shape.channels, shape.channels, true) {
  for (int64_t i = 0; i < shape.depth; ++i)
    blocks_.emplace_back(scope.sub("transformer_blocks").sub(i), shape);
}

at::Tensor Transformer2D::operator()(const at::Tensor &x, const at::Tensor &context,
                                     const Pace &pace) const {
  const at::Tensor normed = norm_(x, GroupNorm::Then::Nothing);
  at::Tensor h = proj_in_(normed.reshape({x.size(0), -1, x.size(3)}));
  for (const Block &block : blocks_) {
    pace.check();
    const at::Tensor n = block.norm1(h);
    h = h + block.attn1(n, n);
    h = h + block.attn2(block.norm2(h), context);
    h = h + block.feed_forward(block.norm3(h));
  }
  return x + proj_out_(h).view(x.sizes());
}

} // namespace vlm
