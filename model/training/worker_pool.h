// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vlm {

/// Threads that run the same job side by side, each with libtorch on one thread: halves of a batch
/// scale better over cores than the loops inside one product. They sleep while there is nothing to
/// do.
class WorkerPool {
public:
  explicit WorkerPool(int count);
  ~WorkerPool();
  int size() const { return static_cast<int>(threads_.size()); }
  /// Runs job(0) .. job(size() - 1), one per thread, and waits; rethrows the first exception.
  void run(const std::function<void(int)> &job);

private:
  void serve(int index);

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int)> *job_ = nullptr;
  int64_t round_ = 0;
  int running_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

/// Process-wide settings for training: products on the calling thread only and in bfloat16 where
/// the processor has them, large buffers kept instead of given back at every step. Call it first
/// thing in main().
void prepare_process();

} // namespace vlm
