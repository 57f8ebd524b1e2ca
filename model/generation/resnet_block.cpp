// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/resnet_block.h"

#include <ATen/TensorOperators.h>

namespace vlm {

ResnetBlock::ResnetBlock(const Scope &scope, int64_t in, int64_t out, const ResnetShape &shape)
    : first_(GroupNorm(scope.sub("norm1"), shape.groups, in, shape.eps),
             Convolution(scope.sub("conv1"), in, out, 3)),
      second_(GroupNorm(scope.sub("norm2"), shape.groups, out, shape.eps),
              Convolution(scope.sub("conv2"), out, out, 3)) {
  if (shape.time_width > 0)
    time_emb_proj_ = Linear(scope.sub("time_emb_proj"), shape.time_width, out, true);
  if (in != out)
    conv_shortcut_.emplace(scope.sub("conv_shortcut"), in, out, 1);
}

at::Tensor ResnetBlock::operator()(const at::Tensor &x, const at::Tensor &time,
                                   const Strips &strips) const {
  at::Tensor y = first_(x, strips);
  if (time.defined())
    y = y + time_emb_proj_(time).unsqueeze(1).unsqueeze(1);
  return add_input(second_(y, strips), x, strips);
}

at::Tensor ResnetBlock::add_input(at::Tensor y, const at::Tensor &x, const Strips &strips) const {
  const int64_t height = x.size(1), rows = strips.rows(height, x.size(2), x.size(3));
  if (!conv_shortcut_)
    return y.add_(x);
  if (rows >= height)
    return y.add_((*conv_shortcut_)(x));
  for_strips(height, rows, [&](int64_t from, int64_t to) {
    y.narrow(1, from, to - from).add_((*conv_shortcut_)(x.narrow(1, from, to - from)));
  });
  return y;
}

} // namespace vlm
