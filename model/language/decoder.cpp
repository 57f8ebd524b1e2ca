// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/decoder.h"

#include "model/compute/attention.h"
#include "model/core/error.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

// In int8 at least: what its rounding costs, no later layer makes good.
Linear load_head(const Scope &scope, const DecoderConfig &config) {
  Scope head = scope.sub("lm_head");
  if (config.tie_word_embeddings && !head.contains("qweight"))
    head = scope.sub("model").sub("embed_tokens");
  if (scope.quantization() != Quantization::None)
    head = head.quantized(Quantization::Int8);
  return Linear(head, config.hidden_size, config.vocab_size, false);
}

// Held once where both are one matrix.
Linear load_embeddings(const Scope &scope, const Linear &head, const DecoderConfig &config) {
  if (config.tie_word_embeddings)
    return head;
  return Linear(scope.matrix("model.embed_tokens.weight", {config.vocab_size, config.hidden_size}),
                {});
}

// Rows that go on top of one cache.
struct Run {
  KvCache *cache;
  int64_t first, count;
  // x [R, heads, 1, D] -> [1, heads, count, D].
  at::Tensor of(const at::Tensor &x) const { return x.narrow(0, first, count).transpose(0, 2); }
};

std::vector<Run> runs_of(const std::vector<KvCache *> &caches) {
  std::vector<Run> runs;
  for (size_t row = 0; row < caches.size(); ++row)
    if (row > 0 && caches[row] == caches[row - 1])
      ++runs.back().count;
    else
      runs.push_back({caches[row], static_cast<int64_t>(row), 1});
  return runs;
}

// Each row of q [1, heads, R, D] on top of `seen` positions and the rows before it. One by one: so
// a row sums as it does in a pass of its own.
at::Tensor attend_one_by_one(const at::Tensor &q, const at::Tensor &keys, const at::Tensor &values,
                             int64_t seen) {
  std::vector<at::Tensor> mixed;
  for (int64_t row = 0; row < q.size(2); ++row) {
    ++seen;
    mixed.push_back(
        causal_attention(q.narrow(2, row, 1), keys.narrow(2, 0, seen), values.narrow(2, 0, seen)));
  }
  return at::cat(mixed, 2);
}

} // namespace

Decoder::Decoder(const Scope &scope, const DecoderConfig &config)
    : config_(config), dtype_(scope.matrix_dtype()), device_(scope.device()),
      lm_head_(load_head(scope, config)), embed_tokens_(load_embeddings(scope, lm_head_, config)) {
  const Scope model = scope.sub("model");
  for (int64_t i = 0; i < config.num_hidden_layers; ++i)
    layers_.emplace_back(model.sub("layers").sub(i), config);
  norm_ =
      RmsNorm(model.sub("norm"), config.hidden_size, config.rms_norm_eps, config.norm_unit_offset);
}

int64_t Decoder::independent_rows() const {
  int64_t least = lm_head_.independent_rows();
  for (const DecoderLayer &layer : layers_)
    least = std::min(least, layer.independent_rows());
  return least;
}

at::Tensor Decoder::embed(const at::Tensor &ids) const {
  if (ids.numel() > 0) {
    const int64_t low = ids.min().item<int64_t>(), high = ids.max().item<int64_t>();
    if (low < 0 || high >= config_.vocab_size)
      fail(ErrorCategory::Data, "token id ", low < 0 ? low : high, " is outside the vocabulary of ",
           config_.vocab_size);
  }
  return embed_tokens_.rows(ids);
}

at::Tensor Decoder::scaled(const at::Tensor &embeds) const {
  return config_.scale_embeddings ? embeds * std::sqrt(static_cast<double>(config_.hidden_size))
                                  : embeds;
}

at::Tensor Decoder::forward(const at::Tensor &embeds, KvCache &cache, const Pace &pace,
                            int64_t drafted) const {
  const int64_t start = cache.length(), count = embeds.size(1), prompt = count - drafted;
  const auto ids = at::TensorOptions(at::kLong).device(embeds.device());
  const Rope rope(at::arange(start, start + count, ids), config_.head_dim, config_.rope_theta);
  at::Tensor x = scaled(embeds);
  for (size_t i = 0; i < layers_.size(); ++i) {
    pace.check();
    x = layers_[i](x, rope, [&](const auto &q, const auto &k, const auto &v) {
      const auto [keys, values] = cache.append(i, k, v);
      if (drafted == 0)
        return causal_attention(q, keys, values);
      const at::Tensor mixed =
          causal_attention(q.narrow(2, 0, prompt), keys.narrow(2, 0, start + prompt),
                           values.narrow(2, 0, start + prompt));
      const at::Tensor behind = q.narrow(2, prompt, drafted);
      return at::cat({mixed, attend_one_by_one(behind, keys, values, start + prompt)}, 2);
    });
  }
  cache.advance(count);
  return norm_(x);
}

at::Tensor Decoder::decode(const at::Tensor &embeds, const std::vector<KvCache *> &caches) const {
  const std::vector<Run> runs = runs_of(caches);
  std::vector<int64_t> positions;
  for (const Run &run : runs)
    for (int64_t j = 0; j < run.count; ++j)
      positions.push_back(run.cache->length() + j);
  const auto rows = static_cast<int64_t>(caches.size());
  const Rope rope(at::tensor(positions, at::kLong).view({rows, 1}).to(embeds.device()),
                  config_.head_dim, config_.rope_theta);
  at::Tensor x = scaled(embeds);
  for (size_t i = 0; i < layers_.size(); ++i)
    x = layers_[i](x, rope, [&](const auto &q, const auto &k, const auto &v) {
      std::vector<at::Tensor> mixed;
      for (const Run &run : runs) {
        const auto [keys, values] = run.cache->append(i, run.of(k), run.of(v));
        mixed.push_back(
            attend_one_by_one(run.of(q), keys, values, run.cache->length()).transpose(0, 2));
      }
      return at::cat(mixed, 0);
    });
  for (const Run &run : runs)
    run.cache->advance(run.count);
  return norm_(x);
}

at::Tensor Decoder::forward(const at::Tensor &embeds, const at::Tensor &position_ids,
                            const at::Tensor &mask) const {
  const Rope rope(position_ids, config_.head_dim, config_.rope_theta);
  at::Tensor x = scaled(embeds);
  for (const DecoderLayer &layer : layers_)
    x = layer(x, rope, [&](const auto &q, const auto &k, const auto &v) {
      return attention(q, k, v, mask);
    });
  return norm_(x);
}

at::Tensor Decoder::logits(const at::Tensor &hidden) const { return lm_head_(hidden); }

} // namespace vlm
