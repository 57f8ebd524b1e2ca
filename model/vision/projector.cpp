// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/projector.h"

#include "model/core/error.h"

#include <ATen/ops/gelu.h>

#include <regex>

namespace vlm {
namespace {

/// N of "mlpNx_gelu"; 0 for any other type.
int64_t mlp_depth(const std::string &type) {
  static const std::regex pattern("mlp([1-9][0-9]?)x_gelu");
  std::smatch match;
  return std::regex_match(type, match, pattern) ? std::stoll(match[1]) : 0;
}

} // namespace

Projector::Projector(const Scope &scope, const std::string &type, int64_t in, int64_t out) {
  const Scope projector = scope.sub("mm_projector");
  if (type == "identity" && in == out)
    return;
  if (type == "linear") {
    layers_.emplace_back(projector, in, out, true);
    return;
  }
  const int64_t depth = mlp_depth(type);
  if (depth == 0)
    fail(ErrorCategory::Unsupported, "mm_projector_type \"", type, "\" from ", in, " to ", out,
         " features is not supported");
  for (int64_t i = 0; i < depth; ++i) // the odd indices are the activations
    layers_.emplace_back(projector.sub(2 * i), i ? out : in, out, true);
}

at::Tensor Projector::operator()(const at::Tensor &x) const {
  at::Tensor y = x;
  for (size_t i = 0; i < layers_.size(); ++i)
    y = layers_[i](i ? at::gelu(y) : y);
  return y;
}

} // namespace vlm
