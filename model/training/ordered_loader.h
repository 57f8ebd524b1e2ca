// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <ATen/Parallel.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace vlm {

/// Makes samples on threads of its own, at most `ahead` before they are needed, and hands them out
/// in the order of their index, so that training sees the same data however many threads there are.
template <typename Sample> class OrderedLoader {
public:
  using Make = std::function<std::shared_ptr<const Sample>(uint64_t index)>;
  /// `maker` is called once on each thread and gives it a function of its own.
  OrderedLoader(std::function<Make()> maker, uint64_t first, int threads, size_t ahead)
      : maker_(std::move(maker)), ahead_(ahead), next_make_(first), next_take_(first) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this] { serve(); });
  }

  ~OrderedLoader() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    space_.notify_all();
    for (std::thread &thread : threads_)
      thread.join();
  }

  /// The next `count` samples; waits for them. Rethrows what a maker threw.
  std::vector<std::shared_ptr<const Sample>> next(size_t count) {
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

private:
  void serve() {
    at::set_num_threads(1);
    try {
      produce(maker_());
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      error_ = std::current_exception();
      ready_.notify_all();
    }
  }

  void produce(const Make &make) {
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

  std::function<Make()> maker_;
  size_t ahead_;
  std::mutex mutex_;
  std::condition_variable space_, ready_;
  std::map<uint64_t, std::shared_ptr<const Sample>> made_;
  uint64_t next_make_, next_take_;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

} // namespace vlm
