// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/strip_convolution.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>

#include <algorithm>

namespace vlm {
namespace {

// Rows [from, to) of what twice the size of x is.
at::Tensor doubled_rows(const at::Tensor &x, int64_t width, int64_t from, int64_t to) {
  const int64_t first = from / 2, rows = (to + 1) / 2 - first;
  const at::Tensor part = x.narrow(1, first, rows);
  const int64_t batch = x.size(0), columns = x.size(2), channels = x.size(3);
  return part.unsqueeze(2)
      .unsqueeze(4)
      .expand({batch, rows, 2, columns, 2, channels})
      .reshape({batch, 2 * rows, 2 * columns, channels})
      .narrow(1, from - 2 * first, to - from)
      .narrow(2, 0, width);
}

} // namespace

int64_t Strips::rows(int64_t height, int64_t width, int64_t channels) const {
  return values == 0 ? height : std::clamp<int64_t>(values / (width * channels), 1, height);
}

void for_strips(int64_t height, int64_t rows, const std::function<void(int64_t, int64_t)> &part) {
  for (int64_t from = 0; from < height; from += rows)
    part(from, std::min(from + rows, height));
}

at::Tensor convolve_rows(const Convolution &convolution, int64_t height, int64_t rows,
                         const std::function<at::Tensor(int64_t, int64_t)> &map) {
  if (rows >= height)
    return convolution(map(0, height));
  at::Tensor out;
  for_strips(height, rows, [&](int64_t from, int64_t to) {
    const at::Tensor inner = map(std::max<int64_t>(from - 1, 0), std::min<int64_t>(to + 1, height));
    const at::Tensor strip = convolution.strip(
        at::constant_pad_nd(inner, {0, 0, 0, 0, int64_t(from == 0), int64_t(to == height)}));
    if (!out.defined())
      out = at::empty({strip.size(0), height, strip.size(2), strip.size(3)}, strip.options());
    out.narrow(1, from, to - from).copy_(strip);
  });
  return out;
}

NormedConvolution::NormedConvolution(GroupNorm norm, Convolution convolution)
    : norm_(std::move(norm)), convolution_(std::move(convolution)) {}

at::Tensor NormedConvolution::operator()(const at::Tensor &x, const Strips &strips) const {
  const int64_t height = x.size(1), rows = strips.rows(height, x.size(2), x.size(3));
  if (rows >= height)
    return convolution_(norm_(x, GroupNorm::Then::Silu));
  const GroupNorm::Affine affine = norm_.affine(x);
  return convolve_rows(convolution_, height, rows, [&](int64_t from, int64_t to) {
    return GroupNorm::apply(affine, x.narrow(1, from, to - from), GroupNorm::Then::Silu);
  });
}

Upsample::Upsample(const Scope &scope, int64_t channels)
    : convolution_(scope.sub("conv"), channels, channels, 3) {}

at::Tensor Upsample::operator()(const at::Tensor &x, int64_t height, int64_t width,
                                const Strips &strips) const {
  return convolve_rows(convolution_, height, strips.rows(height, width, x.size(3)),
                       [&](int64_t from, int64_t to) { return doubled_rows(x, width, from, to); });
}

} // namespace vlm
