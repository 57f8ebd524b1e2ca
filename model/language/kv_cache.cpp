// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/kv_cache.h"

#include "model/core/error.h"

#include <ATen/ops/empty.h>

namespace vlm {

KvCache::KvCache(const DecoderConfig &config, at::ScalarType dtype, at::Device device)
    : config_(config), dtype_(dtype), device_(device), keys_(config.num_hidden_layers),
      values_(config.num_hidden_layers) {}

void KvCache::reserve(int64_t positions) {
  // In steps, so that a long answer does not copy the cache at every token.
  constexpr int64_t kStep = 256;
  if (positions > capacity_)
    allocate((positions + kStep - 1) / kStep * kStep);
}

void KvCache::allocate(int64_t capacity) {
  const std::vector<int64_t> shape = {1, config_.num_key_value_heads, capacity, config_.head_dim};
  for (std::vector<at::Tensor> *side : {&keys_, &values_})
    for (at::Tensor &tensor : *side) {
      const at::Tensor grown = at::empty(shape, at::TensorOptions(dtype_).device(device_));
      if (length_ > 0)
        grown.narrow(2, 0, length_).copy_(tensor.narrow(2, 0, length_));
      tensor = grown;
    }
  capacity_ = capacity;
}

std::pair<at::Tensor, at::Tensor> KvCache::append(int64_t layer, const at::Tensor &k,
                                                  const at::Tensor &v) {
  const int64_t count = k.size(2);
  reserve(length_ + count);
  at::Tensor &keys = keys_.at(layer), &values = values_.at(layer);
  keys.narrow(2, length_, count).copy_(k);
  values.narrow(2, length_, count).copy_(v);
  return {keys.narrow(2, 0, length_ + count), values.narrow(2, 0, length_ + count)};
}

void KvCache::truncate(int64_t length) {
  if (length < 0 || length > length_)
    fail(ErrorCategory::Failed, "cannot truncate a cache of ", length_, " positions to ", length);
  length_ = length;
}

KvCache KvCache::fork(int64_t length, int64_t room) const {
  KvCache out(config_, dtype_, device_);
  out.allocate(room);
  for (size_t i = 0; i < keys_.size(); ++i) {
    out.keys_[i].narrow(2, 0, length).copy_(keys_[i].narrow(2, 0, length));
    out.values_[i].narrow(2, 0, length).copy_(values_[i].narrow(2, 0, length));
  }
  out.length_ = length;
  return out;
}

} // namespace vlm
