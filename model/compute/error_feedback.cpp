// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/error_feedback.h"

#include "model/compute/bf16_product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace vlm {
namespace {

// Of the mean of the diagonal: activations that were not seen are not relied on.
constexpr double kDamping = .01;

// U [n, n] with U^T U = the inverse of the moments, damped. Changes them: a matrix of doubles is
// large, and a few of them are needed on the way.
at::Tensor inverse_root(at::Tensor moments) {
  const double mean = moments.diagonal().mean().item<double>();
  moments.diagonal().add_(std::max(mean * kDamping, 1e-12));
  moments = at::linalg_cholesky(moments);
  moments = at::cholesky_inverse(moments);
  return at::linalg_cholesky(moments, /*upper=*/true);
}

} // namespace

// Of values rounded to bfloat16, both times: some machines multiply those faster, and
// what comes of it is still the moments of one matrix, which have a root.
void add_block_moments(const at::Tensor &x, const at::Tensor &moments) {
  const int64_t in = x.size(1), width = moments.size(1);
  for (int64_t first = 0; first < in; first += width) {
    const int64_t count = std::min(width, in - first);
    const at::Tensor block = x.narrow(1, first, count).t().to(at::kBFloat16).contiguous();
    moments.narrow(0, first, count)
        .narrow(1, 0, count)
        .add_(bf16_product(block.to(at::kFloat), block));
  }
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
      block.mul_(factors.unsqueeze(1)).mul_(factors);
    }
    const at::Tensor root = inverse_root(std::move(block));
    const at::Tensor diagonal = root.diagonal().clone();
    costs_.narrow(0, first, count).copy_((diagonal * diagonal).reciprocal());
    shares_.narrow(0, first, count).narrow(1, 0, count).copy_(root.div_(diagonal.unsqueeze(1)));
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
