// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/sample.h"

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace vlm {

/// Makes samples on threads of its own, at most `ahead` before they are needed, and hands them out
/// in the order of their index, so that training sees the same data however many threads there are.
class OrderedLoader {
public:
  using Make = std::function<std::shared_ptr<const Sample>(uint64_t index)>;
  /// `maker` is called once on each thread and gives it a function of its own.
  OrderedLoader(std::function<Make()> maker, uint64_t first, int threads, size_t ahead);
  ~OrderedLoader();

  /// The next `count` samples; waits for them. Rethrows what a maker threw.
  std::vector<std::shared_ptr<const Sample>> next(size_t count);

private:
  void serve();
  void produce(const Make &make);

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
