// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/generation/cross_attention.h"

#include "model/compute/attention.h"

namespace vlm {

CrossAttention::CrossAttention(const Scope &scope, int64_t width, int64_t context, int64_t heads,
                               bool bias)
    : heads_(heads) {
  const bool older = scope.contains("query.weight");
  to_q_ = Linear(scope.sub(older ? "query" : "to_q"), width, width, bias);
  to_k_ = Linear(scope.sub(older ? "key" : "to_k"), context, width, bias);
  to_v_ = Linear(scope.sub(older ? "value" : "to_v"), context, width, bias);
  to_out_ = Linear(scope.sub(older ? "proj_attn" : "to_out.0"), width, width, true);
}

at::Tensor CrossAttention::operator()(const at::Tensor &x, const at::Tensor &context) const {
  const auto split = [&](const at::Tensor &t) {
    return t.view({t.size(0), t.size(1), heads_, t.size(2) / heads_}).transpose(1, 2);
  };
  const at::Tensor mixed = attention(split(to_q_(x)), split(to_k_(context)), split(to_v_(context)),
                                     /*mask=*/{}, to_q_.rounds());
  return to_out_(mixed.transpose(1, 2).reshape(x.sizes()));
}

} // namespace vlm
