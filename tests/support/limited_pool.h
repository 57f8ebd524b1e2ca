// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tests/support/harness.h"

namespace vlm::test {

struct UnrefPool {
  void operator()(GstBufferPool *pool) const {
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
  }
};
using Pool = std::unique_ptr<GstBufferPool, UnrefPool>;

constexpr guint kPoolBuffers = 3;

/// Of buffers of `size` bytes, kPoolBuffers of them.
inline Pool limited_pool(gsize size) {
  Pool pool(gst_buffer_pool_new());
  GstStructure *config = gst_buffer_pool_get_config(pool.get());
  gst_buffer_pool_config_set_params(config, nullptr, static_cast<guint>(size), kPoolBuffers,
                                    kPoolBuffers);
  gst_buffer_pool_set_config(pool.get(), config);
  gst_buffer_pool_set_active(pool.get(), TRUE);
  return pool;
}

/// Frame `n`, null when the pool has none left.
inline Own<GstBuffer> acquire(GstBufferPool *pool, int n) {
  GstBufferPoolAcquireParams params = {};
  params.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
  GstBuffer *buffer = nullptr;
  gst_buffer_pool_acquire_buffer(pool, &buffer, &params);
  if (buffer != nullptr) {
    gst_buffer_memset(buffer, 0, 0, gst_buffer_get_size(buffer)); // read by encoders
    GST_BUFFER_PTS(buffer) = n * kFrame;
  }
  return Own<GstBuffer>(buffer);
}

} // namespace vlm::test
