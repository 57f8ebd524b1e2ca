// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/worker_pool.h"

#include "model/compute/linear.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>

namespace vlm {

WorkerPool::WorkerPool(int count) {
  for (int i = 0; i < count; ++i)
    threads_.emplace_back([this, i] { serve(i); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread &thread : threads_)
    thread.join();
}

void WorkerPool::run(const std::function<void(int)> &job) {
  std::unique_lock<std::mutex> lock(mutex_);
  job_ = &job;
  running_ = size();
  error_ = nullptr;
  ++round_;
  wake_.notify_all();
  done_.wait(lock, [this] { return running_ == 0; });
  if (error_)
    std::rethrow_exception(error_);
}

void WorkerPool::serve(int index) {
  at::set_num_threads(1);
  int64_t seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_)
      return;
    seen = round_;
    const auto *job = job_;
    lock.unlock();
    std::exception_ptr error;
    try {
      (*job)(index);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_)
      error_ = error;
    if (--running_ == 0)
      done_.notify_all();
  }
}

void prepare_process() {
  at::set_num_threads(1);
  set_bf16_products(true);
  // OpenBLAS has threads of its own; whichever BLAS is loaded, the name is only there when it
  // counts.
  using SetThreads = void (*)(int);
  if (void *found = dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))
    reinterpret_cast<SetThreads>(found)(1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TOP_PAD, 64 << 20);
}

} // namespace vlm
