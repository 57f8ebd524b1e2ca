// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace vlm {

/// softmax(q k^T / sqrt(D) + mask) v, softmax in float32; differentiable.
/// q [B, H, L, D]; k, v [B, Hkv, S, D] with H a multiple of Hkv (head h reads kv head h / (H /
/// Hkv)). `mask`: undefined (everything is seen), or bool [L, S] / [B, 1, L, S], true where a query
/// may look. Returns [B, H, L, D]. Memory is bounded: queries are taken in blocks. `rounds`: where
/// no gradient is wanted and everything is seen, products may be those of bfloat16 pairs, summed in
/// float32 (Linear::rounds()).
at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                     const at::Tensor &mask, bool rounds = false);

/// Query i of L sees keys 0 .. S - L + i: what a decoder needs on top of a cache. No gradient is
/// needed, and a block of queries never touches keys that it cannot see. k and v may be bfloat16.
at::Tensor causal_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);

} // namespace vlm
