// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/max.h>

namespace vlm::test {

::testing::AssertionResult near(const at::Tensor &got, const at::Tensor &want, double atol,
                                double *largest) {
  if (!got.defined())
    return ::testing::AssertionFailure() << "tensor is undefined";
  if (got.sizes() != want.sizes())
    return ::testing::AssertionFailure()
           << "shape " << got.sizes() << ", expected " << want.sizes();
  if (want.numel() == 0)
    return ::testing::AssertionSuccess();
  const double worst = at::abs(got.to(at::kDouble) - want.to(at::kDouble)).max().item<double>();
  if (largest)
    *largest = worst;
  if (worst <= atol) // false for NaN
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "largest difference " << worst << ", allowed " << atol;
}

} // namespace vlm::test
