// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// The inner part of patch info mining. The stages (float32 [B, h, w, C_i], channels last) are
/// upsampled bilinearly to the first one's size, concatenated over the channels (D together) and,
/// for `shrink` > 1, made smaller by that factor; each of the resulting vectors is normalised (mean
/// 0, variance 1, with `eps`). Token (r, c) of the square that query [B, N, D] forms owns an equal
/// tile of that map. Returns [B, N, D]: the average of each tile's vectors under
/// softmax(query . vector). Differentiable in the query and the stages.
///
/// On CPU the map never exists: each token's tile is made, used and dropped; the backward pass
/// makes it again. Elsewhere it exists for one row of tokens.
at::Tensor tile_attention(const at::Tensor &query, const std::vector<at::Tensor> &stages,
                          double eps, int64_t shrink);

/// The same by the library's general operators, in any float type on any device.
at::Tensor tile_attention_by_rows(const at::Tensor &query, const std::vector<at::Tensor> &stages,
                                  double eps, int64_t shrink);

} // namespace vlm
