// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"

#include <string>
#include <vector>

namespace vlm {

/// mm_projector: `mlpNx_gelu` (Linear, then N - 1 times GELU (erf) and Linear), `linear`,
/// `identity`.
class Projector {
public:
  /// `scope` is the one that holds "mm_projector.*"; for "linear" the tensors are
  /// mm_projector.weight and mm_projector.bias. Error(Unsupported) naming an unknown type, or an
  /// identity between different widths.
  Projector(const Scope &scope, const std::string &type, int64_t in, int64_t out);
  /// x float32 [..., in] -> [..., out]. Differentiable.
  at::Tensor operator()(const at::Tensor &x) const;

private:
  std::vector<Linear> layers_;
};

} // namespace vlm
