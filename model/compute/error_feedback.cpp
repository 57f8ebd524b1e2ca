// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/error_feedback.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace vlm {
namespace {

// Of the mean of the diagonal: activations that were not seen are not relied on.
constexpr double kDamping = .03;

// [n, n], row by row: what an error in a column costs those behind it.
at::Tensor shares_of(const at::Tensor &x) {
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor products = at::matmul(wide.t(), wide);
  const double mean = products.diagonal().mean().item<double>();
  const at::Tensor damped =
      products + at::eye(x.size(1), products.options()) * std::max(mean * kDamping, 1e-12);
  const at::Tensor upper =
      at::linalg_cholesky(at::cholesky_inverse(at::linalg_cholesky(damped)), /*upper=*/true);
  return (upper / upper.diagonal().unsqueeze(1)).to(at::kFloat);
}

} // namespace

ErrorFeedback::ErrorFeedback(const at::Tensor &x)
    : in_(x.size(1)), shares_(at::zeros({x.size(1), kWidth}, at::kFloat)) {
  for (int64_t first = 0; first < in_; first += kWidth) {
    const int64_t count = std::min(kWidth, in_ - first);
    shares_.narrow(0, first, count).narrow(1, 0, count).copy_(shares_of(x.narrow(1, first, count)));
  }
}

void ErrorFeedback::pass_on(float *row, int64_t column, float error) const {
  const int64_t first = column / kWidth * kWidth, end = std::min(first + kWidth, in_);
  const float *shares = shares_.data_ptr<float>() + column * kWidth - first;
  for (int64_t i = column + 1; i < end; ++i)
    row[i] -= error * shares[i];
}

} // namespace vlm
