// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/retired_threads.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <unistd.h>

namespace vlm {

RetiredThreads &RetiredThreads::instance() {
  // Never destroyed: a thread that outlives main() must not find it gone.
  static RetiredThreads *const instance = new RetiredThreads;
  return *instance;
}

// A running thread may still make objects of libraries, and those are destroyed before an atexit()
// handler of earlier is called. exit() begins with what is local to the thread that calls it.
void RetiredThreads::join_at_exit() {
  struct Guard {
    ~Guard() { RetiredThreads::instance().join(); }
  };
  if (gettid() != getpid())
    return;
  thread_local Guard guard;
}

void RetiredThreads::add(std::thread thread, std::shared_future<void> ended) {
  // For programs that end on another thread. What exists by now is destroyed after this handler.
  std::atexit([] { RetiredThreads::instance().join(); });
  std::lock_guard<std::mutex> lock(mutex_);
  retired_.push_back({std::move(thread), std::move(ended)});
}

void RetiredThreads::reap() {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto running = [](const Retired &retired) {
    return retired.ended.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  };
  const auto ended = std::partition(retired_.begin(), retired_.end(), running);
  for (auto retired = ended; retired != retired_.end(); ++retired)
    retired->thread.join();
  retired_.erase(ended, retired_.end());
}

void RetiredThreads::join() {
  std::vector<Retired> all;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    all.swap(retired_);
  }
  for (Retired &retired : all)
    retired.thread.join();
}

size_t RetiredThreads::count() {
  std::lock_guard<std::mutex> lock(mutex_);
  return retired_.size();
}

} // namespace vlm
