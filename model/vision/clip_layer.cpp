// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/clip_layer.h"

#include "model/compute/activation.h"
#include "model/compute/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>

namespace vlm {
namespace {

constexpr double kLayerEps = 1e-5;

int64_t mlp_width(const Scope &scope) {
  const std::vector<int64_t> shape = scope.shape("mlp.fc1.bias");
  return shape.empty() ? 0 : shape[0];
}

} // namespace

ClipLayer::ClipLayer(const Scope &scope, int64_t width, int64_t heads, Activation activation)
    : heads_(heads), activation_(activation), norm1_(scope.sub("layer_norm1"), width, kLayerEps),
      norm2_(scope.sub("layer_norm2"), width, kLayerEps) {
  const Scope attn = scope.sub("self_attn"), mlp = scope.sub("mlp");
  const int64_t wide = mlp_width(scope);
  q_ = Linear(attn.sub("q_proj"), width, width, true);
  k_ = Linear(attn.sub("k_proj"), width, width, true);
  v_ = Linear(attn.sub("v_proj"), width, width, true);
  out_ = Linear(attn.sub("out_proj"), width, width, true);
  fc1_ = Linear(mlp.sub("fc1"), width, wide, true);
  fc2_ = Linear(mlp.sub("fc2"), wide, width, true);
}

at::Tensor ClipLayer::activate(const at::Tensor &x) const {
  return activation_ == Activation::QuickGelu ? quick_gelu(x) : at::gelu(x);
}

at::Tensor ClipLayer::operator()(const at::Tensor &x, const at::Tensor &mask) const {
  const auto split = [&](const at::Tensor &projected) {
    return projected.view({x.size(0), x.size(1), heads_, x.size(2) / heads_}).transpose(1, 2);
  };
  const at::Tensor n = norm1_(x);
  const at::Tensor mixed = attention(split(q_(n)), split(k_(n)), split(v_(n)), mask, q_.rounds());
  const at::Tensor seen = x + out_(mixed.transpose(1, 2).reshape(x.sizes()));
  return seen + fc2_(activate(fc1_(norm2_(seen))));
}

} // namespace vlm
