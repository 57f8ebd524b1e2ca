// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/ordered_loader.h"

#include <ATen/Parallel.h>

namespace vlm {

OrderedLoader::OrderedLoader(std::function<Make()> maker, uint64_t first, int threads, size_t ahead)
    : maker_(std::move(maker)), ahead_(ahead), next_make_(first), next_take_(first) {
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this] { serve(); });
}

OrderedLoader::~OrderedLoader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  space_.notify_all();
  for (std::thread &thread : threads_)
    thread.join();
}

void OrderedLoader::serve() {
  at::set_num_threads(1);
  try {
    produce(maker_());
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    error_ = std::current_exception();
    ready_.notify_all();
  }
}

void OrderedLoader::produce(const Make &make) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    space_.wait(lock, [this] { return stop_ || next_make_ < next_take_ + ahead_; });
    if (stop_)
      return;
    const uint64_t index = next_make_++;
    lock.unlock();
    auto sample = make(index);
    lock.lock();
    made_[index] = std::move(sample);
    ready_.notify_all();
  }
}

std::vector<std::shared_ptr<const Sample>> OrderedLoader::next(size_t count) {
  std::vector<std::shared_ptr<const Sample>> out;
  std::unique_lock<std::mutex> lock(mutex_);
  while (out.size() < count) {
    ready_.wait(lock, [this] { return error_ || made_.count(next_take_); });
    if (error_)
      std::rethrow_exception(error_);
    out.push_back(std::move(made_.begin()->second));
    made_.erase(made_.begin());
    ++next_take_;
    space_.notify_all();
  }
  return out;
}

} // namespace vlm
