// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/patch_conv.h"

#include "model/core/error.h"

namespace vlm {

PatchConv::PatchConv(const Scope &scope, Layout layout, bool bias) : layout_(layout) {
  const std::vector<int64_t> shape = scope.shape("weight");
  if (shape.size() != 4 || shape[2] != shape[3] || shape[0] < 1 || shape[1] < 1 || shape[2] < 1)
    fail(ErrorCategory::Format, "tensor ", scope.prefix(), "weight is no square kernel");
  out_ = shape[0];
  in_ = shape[1];
  size_ = shape[2];
  weight_ = scope.matrix("weight", shape);
  if (bias)
    bias_ = scope.tensor("bias", {out_});
  if (weight_.scalar_type() != at::kFloat) {
    packed_ = Linear(matrix().contiguous(), bias_);
    weight_ = at::Tensor();
  }
}

at::Tensor PatchConv::operator()(const at::Tensor &x) const {
  // Float32 weights may be under training: their matrix is made anew, in the graph.
  return weight_.defined() ? Linear(matrix(), bias_)(patches(x)) : packed_(patches(x));
}

at::Tensor PatchConv::matrix() const {
  return (layout_ == Layout::Planes ? weight_ : weight_.permute({0, 2, 3, 1})).reshape({out_, -1});
}

at::Tensor PatchConv::patches(const at::Tensor &x) const {
  const int64_t s = size_, row = layout_ == Layout::Planes ? 2 : 1;
  const int64_t b = x.size(0), h = x.size(row) / s, w = x.size(row + 1) / s;
  const at::Tensor whole = x.narrow(row, 0, h * s).narrow(row + 1, 0, w * s);
  const at::Tensor split = layout_ == Layout::Planes
                               ? whole.reshape({b, in_, h, s, w, s}).permute({0, 2, 4, 1, 3, 5})
                               : whole.reshape({b, h, s, w, s, in_}).permute({0, 1, 3, 2, 4, 5});
  return split.reshape({b, h, w, in_ * s * s});
}

} // namespace vlm
