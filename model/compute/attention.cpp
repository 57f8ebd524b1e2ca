// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace vlm {
namespace {

// Score entries that a block of queries may make at once (64 MB).
constexpr int64_t kBlockScores = int64_t{1} << 24;

int64_t queries_per_block(const at::Tensor &q, const at::Tensor &k) {
  return std::max<int64_t>(1, kBlockScores / (q.size(0) * q.size(1) * k.size(2)));
}

// q [B, Hkv, r, l, D], k, v [B, Hkv, 1, S, D], mask broadcastable to [B, Hkv, r, l, S] or
// undefined.
at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                  const at::Tensor &mask) {
  at::Tensor scores = at::matmul(q, k.transpose(-2, -1));
  if (mask.defined())
    scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<float>::infinity());
  return at::matmul(at::softmax(scores, -1), v);
}

struct Grouped {
  at::Tensor q, k, v;
};

Grouped group(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  const int64_t groups = k.size(1), each = q.size(1) / groups;
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  return {(q * scale).reshape({q.size(0), groups, each, q.size(2), q.size(3)}), k.unsqueeze(2),
          v.unsqueeze(2)};
}

} // namespace

at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                     const at::Tensor &mask) {
  const Grouped in = group(q, k, v);
  const at::Tensor wide = mask.defined() && mask.dim() == 4 ? mask.unsqueeze(2) : mask;
  const int64_t length = q.size(2), step = queries_per_block(q, k);
  std::vector<at::Tensor> blocks;
  for (int64_t i = 0; i < length; i += step) {
    const int64_t count = std::min(step, length - i);
    blocks.push_back(attend(in.q.narrow(3, i, count), in.k, in.v,
                            wide.defined() ? wide.narrow(-2, i, count) : wide));
  }
  return (blocks.size() == 1 ? blocks[0] : at::cat(blocks, 3)).reshape(q.sizes());
}

at::Tensor causal_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  const Grouped in = group(q, k, v);
  const int64_t length = q.size(2), before = k.size(2) - length;
  const int64_t step = std::min<int64_t>(queries_per_block(q, k), 256);
  std::vector<at::Tensor> blocks;
  for (int64_t i = 0; i < length; i += step) {
    const int64_t count = std::min(step, length - i), keys = before + i + count;
    at::Tensor mask;
    if (count > 1)
      mask = at::arange(keys, q.device()).unsqueeze(0) <=
             at::arange(before + i, keys, q.device()).unsqueeze(1);
    blocks.push_back(
        attend(in.q.narrow(3, i, count), in.k.narrow(3, 0, keys), in.v.narrow(3, 0, keys), mask));
  }
  return (blocks.size() == 1 ? blocks[0] : at::cat(blocks, 3)).reshape(q.sizes());
}

} // namespace vlm
