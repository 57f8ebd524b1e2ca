// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/pace.h"
#include "model/language/decoder_layer.h"
#include "model/language/kv_cache.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// A decoder-only language model: Gemma, LLaMA (Vicuna, Llama-3, Yi) or Mixtral (mgm-spec 1.2).
/// Immutable after construction; one instance serves any number of caches, one call at a time.
class Decoder {
public:
  /// `scope` is the checkpoint's root: model.embed_tokens, model.layers, model.norm, lm_head.
  Decoder(const Scope &scope, const DecoderConfig &config);

  const DecoderConfig &config() const { return config_; }

  /// ids int64 [...] -> float32 [..., hidden_size], before Gemma's scaling. Error(Data) for an id
  /// outside the vocabulary.
  at::Tensor embed(const at::Tensor &ids) const;

  /// An empty cache, as precise as the matrices.
  KvCache cache() const { return KvCache(config_, dtype_, device_); }

  /// Prefill or decode on top of `cache`: embeds float32 [1, L, hidden_size] take the positions
  /// cache.length() .. + L - 1. Returns the last norm's output [1, L, hidden_size]. Throws
  /// Error(Cancelled) between layers and leaves the cache's length as it was. The last `drafted`
  /// positions, fewer than L, are what may follow the prompt: on the CPU, with L at most
  /// independent_rows(), each row is bit-equal to a pass of the prompt and then passes of one row
  /// (decode()).
  at::Tensor forward(const at::Tensor &embeds, KvCache &cache, const Pace &pace = {},
                     int64_t drafted = 0) const;

  /// Up to how many rows of a pass are each, on the CPU, as they would be alone: kFewRows, or any
  /// number where all matrices are quantised.
  int64_t independent_rows() const;

  /// Further positions of several conversations in one pass: embeds float32 [R, 1, hidden_size],
  /// R at most kFewRows, row r on top of caches[r]. Rows of one conversation stand together, in the
  /// order of their positions. Returns [R, 1, hidden_size]. On the CPU each row is bit-equal to
  /// what it is in a pass of its own.
  at::Tensor decode(const at::Tensor &embeds, const std::vector<KvCache *> &caches) const;

  /// Without a cache, for training: embeds [B, L, hidden_size], position_ids int64 [L] or [B, L],
  /// mask bool [L, L] or [B, 1, L, L] (true where a row may look). Differentiable.
  at::Tensor forward(const at::Tensor &embeds, const at::Tensor &position_ids,
                     const at::Tensor &mask) const;

  /// hidden [..., hidden_size] -> float32 logits [..., vocab_size].
  at::Tensor logits(const at::Tensor &hidden) const;

private:
  at::Tensor scaled(const at::Tensor &embeds) const;

  DecoderConfig config_;
  at::ScalarType dtype_; // of matrices
  at::Device device_;
  Linear lm_head_, embed_tokens_; // both vocab_size x hidden_size; tied: one matrix
  std::vector<DecoderLayer> layers_;
  RmsNorm norm_;
};

} // namespace vlm
