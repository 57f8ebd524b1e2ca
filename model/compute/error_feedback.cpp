// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/error_feedback.h"

#include "model/compute/bf16_product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace vlm {
namespace {

// Of the mean of the diagonal: activations that were not seen are not relied on.
constexpr double kDamping = .01;

// U [n, n] with U^T U = the inverse of what is damped.
at::Tensor inverse_root(const at::Tensor &moments) {
  const double mean = moments.diagonal().mean().item<double>();
  const at::Tensor damped =
      moments + at::eye(moments.size(0), moments.options()) * std::max(mean * kDamping, 1e-12);
  return at::linalg_cholesky(at::cholesky_inverse(at::linalg_cholesky(damped)), /*upper=*/true);
}

} // namespace

// Of values rounded to bfloat16, both times: some machines multiply those faster, and
// what comes of it is still the moments of one matrix, which have a root.
at::Tensor block_moments(const at::Tensor &x, int64_t width) {
  const int64_t in = x.size(1);
  const at::Tensor out = at::zeros({in, width}, at::kFloat);
  if (x.size(0) == 0) // an expert's only row may be in the sample
    return out;
  const at::Tensor columns = x.t().to(at::kBFloat16).contiguous();
  for (int64_t first = 0; first < in; first += width) {
    const int64_t count = std::min(width, in - first);
    const at::Tensor block = columns.narrow(0, first, count);
    out.narrow(0, first, count)
        .narrow(1, 0, count)
        .copy_(bf16_product(block.to(at::kFloat), block));
  }
  return out;
}

ErrorFeedback::ErrorFeedback(const at::Tensor &moments, int64_t width, const at::Tensor &smoothing)
    : in_(moments.size(0)), width_(width), shares_(at::zeros({in_, width}, at::kFloat)),
      costs_(at::zeros({in_}, at::kFloat)) {
  for (int64_t first = 0; first < in_; first += width) {
    const int64_t count = std::min(width, in_ - first);
    at::Tensor block =
        moments.narrow(0, first, count).narrow(1, first % moments.size(1), count).to(at::kDouble);
    if (smoothing.defined()) {
      const at::Tensor factors = smoothing.narrow(0, first, count).to(at::kDouble);
      block = block * factors.unsqueeze(1) * factors;
    }
    const at::Tensor root = inverse_root(block), diagonal = root.diagonal();
    shares_.narrow(0, first, count).narrow(1, 0, count).copy_(root / diagonal.unsqueeze(1));
    costs_.narrow(0, first, count).copy_((diagonal * diagonal).reciprocal());
  }
}

void ErrorFeedback::pass_on(float *rows, int64_t stride, int64_t count, int64_t column,
                            const float *errors) const {
  const int64_t first = column / width_ * width_, end = std::min(first + width_, in_);
  const float *shares = shares_.data_ptr<float>() + column * width_ - first;
  for (int64_t r = 0; r < count; ++r) {
    float *row = rows + r * stride;
    const float error = errors[r];
    for (int64_t i = column + 1; i < end; ++i)
      row[i] -= error * shares[i];
  }
}

} // namespace vlm
