// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/attention.h"

#include "model/compute/attention_bf16.h"
#include "model/compute/attention_heads.h"
#include "model/compute/autograd_function.h"
#include "model/compute/gemm.h"
#include "model/compute/threads.h"
#include "model/core/machine.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <vector>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kBlockQueries = 128; // whose scores a thread holds at once
constexpr int64_t kFewQueries = 4;     // up to here dot products beat gemm

// What a query may look at.
struct Sight {
  Sight(const at::Tensor &mask, bool causal, int64_t length, int64_t keys)
      : mask(mask.defined() ? mask.contiguous() : mask), causal(causal), keys(keys),
        before(keys - length) {
    if (mask.defined()) {
      allowed = this->mask.data_ptr<bool>();
      batch = mask.dim() == 4 && mask.size(0) > 1 ? length * keys : 0;
    }
  }
  // Keys that any of the queries up to `last` sees.
  int64_t reach(int64_t last) const { return causal ? before + last + 1 : keys; }
  void hide(int64_t b, int64_t query, float *scores) const {
    if (!allowed)
      return;
    const bool *row = allowed + b * batch + query * keys;
    for (int64_t i = 0; i < keys; ++i)
      scores[i] = row[i] ? scores[i] : kMinusInfinity;
  }
  at::Tensor mask;
  bool causal;
  int64_t keys, before;
  const bool *allowed = nullptr;
  int64_t batch = 0;
};

// In place; a row that sees nothing becomes zeros.
void softmax_row(float *row, int64_t size) {
  const float total = exponentials(row, size), factor = total == 0 ? 0 : 1 / total;
  for (int64_t i = 0; i < size; ++i)
    row[i] *= factor;
}

// scores [rows, keys] = scale * q k^T and out = scores v, without gemm's packing.
template <typename Value>
void few_scores(const float *q, const Value *k, int64_t k_row, int64_t keys, int64_t dim,
                float scale, float *scores) {
  for (int64_t i = 0; i < keys; ++i)
    scores[i] = scale * simd::dot(q, k + i * k_row, dim);
}

template <typename Value>
void few_outputs(const float *scores, const Value *v, int64_t v_row, int64_t keys, int64_t dim,
                 float *out) {
  std::fill(out, out + dim, 0.0f);
  for (int64_t i = 0; i < keys; ++i)
    for (int64_t d = 0; d < dim; ++d)
      out[d] += scores[i] * simd::widen(v[i * v_row + d]);
}

// `count` rows of one head as float32: as they lie, or in `room`.
Operand float_rows(const float *rows, int64_t row, int64_t, int64_t, std::vector<float> &) {
  return {rows, row};
}

Operand float_rows(const uint16_t *rows, int64_t row, int64_t count, int64_t dim,
                   std::vector<float> &room) {
  room.resize(static_cast<size_t>(count * dim));
  float *to = room.data();
  for (int64_t i = 0; i < count; ++i, rows += row, to += dim)
    std::transform(rows, rows + dim, to, [](uint16_t bits) { return simd::widen(bits); });
  return {room.data(), dim};
}

// Queries [from, to) of one head. `scores`: room for (to - from) * reach, probabilities afterwards.
struct Block {
  int64_t b, h, from, to;
};

// `Value`: of keys and values, float or the bits of bfloat16.
template <typename Value> struct Forward {
  Heads<> q;
  Heads<Value> k, v;
  Heads<> out;
  Sight sight;
  int64_t group, dim;
  float scale;

  void run(const Block &block, float *scores, std::vector<float> &room) const {
    const int64_t rows = block.to - block.from, keys = sight.reach(block.to - 1);
    const float *query = q.at(block.b, block.h, block.from);
    const Value *key = k.at(block.b, block.h / group, 0);
    const Value *value = v.at(block.b, block.h / group, 0);
    float *target = out.at(block.b, block.h, block.from);
    const bool few = rows < kFewQueries;
    if (!few) {
      const Operand all = float_rows(key, k.row, keys, dim, room);
      gemm(rows, keys, dim, scale, {query, q.row}, {all.data, all.stride, true}, 0, scores, keys);
    }
    for (int64_t i = 0; i < rows; ++i) {
      float *row = scores + i * keys;
      if (few)
        few_scores(query + i * q.row, key, k.row, keys, dim, scale, row);
      sight.hide(block.b, block.from + i, row);
      const int64_t seen = sight.reach(block.from + i);
      softmax_row(row, seen);
      std::fill(row + seen, row + keys, 0.0f);
      if (few)
        few_outputs(row, value, v.row, seen, dim, target + i * out.row);
    }
    if (!few)
      gemm(rows, dim, keys, 1, {scores, keys}, float_rows(value, v.row, keys, dim, room), 0, target,
           out.row);
  }
};

// Equal parts of at most kBlockQueries.
int64_t block_rows(int64_t length) {
  const int64_t blocks = (length + kBlockQueries - 1) / kBlockQueries;
  return (length + blocks - 1) / std::max<int64_t>(blocks, 1);
}

// `kept`: undefined, or [B, H, L, S] that receives the probabilities.
template <typename Value>
at::Tensor forward(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                   const at::Tensor &mask, bool causal, const at::Tensor &kept) {
  at::Tensor out = heads_like(q);
  const int64_t heads = q.size(1), length = q.size(2), keys = k.size(2);
  if (q.numel() == 0)
    return out;
  const at::Tensor qr = readable(q), kr = readable(k), vr = readable(v);
  const Forward<Value> pass{Heads<>(qr),
                            Heads<Value>(kr),
                            Heads<Value>(vr),
                            Heads<>(out),
                            Sight(mask, causal, length, keys),
                            heads / k.size(1),
                            q.size(3),
                            scale_of(q)};
  const int64_t rows = block_rows(length), blocks = (length + rows - 1) / rows;
  const int64_t grain = grain_of(kWorthProducts, 2 * rows * keys * pass.dim);
  parallel_for(0, q.size(0) * heads * blocks, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(kept.defined() ? 0 : rows * keys), room;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t head = i / blocks, from = i % blocks * rows;
      float *scores =
          kept.defined() ? kept.data_ptr<float>() + (head * length + from) * keys : scratch.data();
      pass.run({head / heads, head % heads, from, std::min(from + rows, length)}, scores, room);
    }
  });
  return out;
}

struct Gradients {
  at::Tensor q, k, v;
};

// All query heads of one kv head, one after the other: their parts of dk and dv add up.
struct Backward {
  Heads<> q, k, v, grad, dq, dk, dv;
  const float *probabilities; // [B, H, L, S]
  int64_t heads, group, length, keys, dim;
  float scale;

  void run(int64_t b, int64_t kv_head, float *ds) const {
    for (int64_t j = 0; j < group; ++j) {
      const int64_t h = kv_head * group + j;
      const float *p = probabilities + (b * heads + h) * length * keys;
      const float *g = grad.at(b, h, 0);
      gemm(length, keys, dim, 1, {g, grad.row}, {v.at(b, kv_head, 0), v.row, true}, 0, ds, keys);
      for (int64_t i = 0; i < length; ++i)
        softmax_gradient(p + i * keys, ds + i * keys);
      const float beta = j > 0;
      gemm(keys, dim, length, 1, {p, keys, true}, {g, grad.row}, beta, dv.at(b, kv_head, 0),
           dv.row);
      gemm(length, dim, keys, scale, {ds, keys}, {k.at(b, kv_head, 0), k.row}, 0, dq.at(b, h, 0),
           dq.row);
      gemm(keys, dim, length, scale, {ds, keys, true}, {q.at(b, h, 0), q.row}, beta,
           dk.at(b, kv_head, 0), dk.row);
    }
  }

  // d(scores) = p * (dp - sum p dp), in place of dp.
  void softmax_gradient(const float *p, float *dp) const {
    const float mean = simd::dot(p, dp, keys);
    for (int64_t i = 0; i < keys; ++i)
      dp[i] = p[i] * (dp[i] - mean);
  }
};

Gradients backward(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                   const at::Tensor &probabilities, const at::Tensor &grad) {
  const at::Tensor qr = readable(q), kr = readable(k), vr = readable(v), gr = readable(grad);
  Gradients out{heads_like(q), heads_like(k), heads_like(v)};
  const int64_t heads = q.size(1), kv_heads = k.size(1), length = q.size(2), keys = k.size(2);
  const Backward pass{
      Heads<>(qr),    Heads<>(kr),      Heads<>(vr),    Heads<>(gr),
      Heads<>(out.q), Heads<>(out.k),   Heads<>(out.v), probabilities.data_ptr<float>(),
      heads,          heads / kv_heads, length,         keys,
      q.size(3),      scale_of(q)};
  parallel_for(0, q.size(0) * kv_heads, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> ds(length * keys);
    for (int64_t i = begin; i < end; ++i)
      pass.run(i / kv_heads, i % kv_heads, ds.data());
  });
  return out;
}

struct Attention : torch::autograd::Function<Attention> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &q, const at::Tensor &k,
                            const at::Tensor &v, const at::Tensor *mask) {
    const at::Tensor kept = at::empty({q.size(0), q.size(1), q.size(2), k.size(2)}, q.options());
    at::Tensor out = vlm::forward<float>(q, k, v, *mask, false, kept);
    context->save_for_backward({q, k, v, kept});
    return out;
  }

  static variable_list backward(AutogradContext *context, const variable_list &grads) {
    const variable_list saved = context->get_saved_variables();
    const Gradients out = vlm::backward(saved[0], saved[1], saved[2], saved[3], grads[0]);
    return {out.q, out.k, out.v, {}};
  }
};

// The same by ATen, for other devices.
// [B, heads, S, D] -> [B, heads * group, S, D]: each for as many queries.
at::Tensor for_each_query(const at::Tensor &x, int64_t group) {
  return x.unsqueeze(2)
      .expand({x.size(0), x.size(1), group, x.size(2), x.size(3)})
      .reshape({x.size(0), x.size(1) * group, x.size(2), x.size(3)});
}

at::Tensor portable(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                    const at::Tensor &mask) {
  const int64_t group = q.size(1) / k.size(1);
  const at::Tensor wide_k = for_each_query(k, group), wide_v = for_each_query(v, group);
  at::Tensor scores = at::matmul(q * scale_of(q), wide_k.transpose(-2, -1));
  if (mask.defined())
    scores = scores.masked_fill(mask.eq(false), kMinusInfinity);
  return at::matmul(at::softmax(scores, -1), wide_v);
}

} // namespace

at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                     const at::Tensor &mask, bool rounds) {
  if (!q.is_cpu())
    return portable(q, k, v, mask);
  if (at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad()))
    return Attention::apply(q, k, v, &mask) /* may be undefined, which apply() refuses */;
#if defined(__x86_64__)
  if (rounds && !mask.defined() && cpu_has_bf16())
    return attention_bf16(q, k, v);
#endif
  return forward<float>(q, k, v, mask, false, {});
}

at::Tensor causal_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  const bool wide = k.scalar_type() == at::kFloat;
  if (q.is_cpu())
    return wide ? forward<float>(q, k, v, {}, true, {}) : forward<uint16_t>(q, k, v, {}, true, {});
  const int64_t length = q.size(2), keys = k.size(2);
  const at::Tensor key = at::arange(keys, q.device());
  return portable(q, k.to(at::kFloat), v.to(at::kFloat),
                  key.unsqueeze(0) <= key.narrow(0, keys - length, length).unsqueeze(1));
}

} // namespace vlm
