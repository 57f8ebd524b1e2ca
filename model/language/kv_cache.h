// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/decoder_config.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace vlm {

/// Keys and values of one conversation, grown as needed. Belongs to one session.
class KvCache {
public:
  /// `dtype`: of what it holds, float32 or bfloat16.
  explicit KvCache(const DecoderConfig &config, at::ScalarType dtype = at::kFloat,
                   at::Device device = at::kCPU);

  /// Positions that are filled.
  int64_t length() const { return length_; }

  /// Writes k, v float32 [1, kv_heads, L, head_dim] of one layer at positions length() .. + L - 1
  /// and returns views of all keys and values up to there: [1, kv_heads, length() + L, head_dim].
  std::pair<at::Tensor, at::Tensor> append(int64_t layer, const at::Tensor &k, const at::Tensor &v);

  /// Makes the L positions that every layer has appended part of the cache.
  void advance(int64_t count) { length_ += count; }

  /// Forgets everything from position `length` on.
  void truncate(int64_t length);

  /// A cache of its own that begins with a copy of the first `length` positions, and has memory for
  /// `room`, at least `length`.
  KvCache fork(int64_t length, int64_t room) const;

private:
  void reserve(int64_t positions);
  void allocate(int64_t capacity);
  DecoderConfig config_;
  at::ScalarType dtype_;
  at::Device device_;
  int64_t length_ = 0;
  int64_t capacity_ = 0;
  std::vector<at::Tensor> keys_, values_; // per layer [1, kv_heads, capacity, head_dim]
};

} // namespace vlm
