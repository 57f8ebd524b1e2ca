// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace vlm {

/// Threads whose owner is gone while they are still inside a layer. They are joined once they have
/// ended, at the latest when the process exits or unloads this library: then it waits, while what
/// they use is still there. Any thread may call it.
class RetiredThreads {
public:
  static RetiredThreads &instance();

  /// `ended` becomes ready as the last thing that the thread does.
  void add(std::thread thread, std::shared_future<void> ended);
  /// Joins those that have ended; never waits for one that runs.
  void reap();
  /// Waits for all.
  void join();
  /// Lets the process wait for all when its main thread calls exit(). Call it on that thread; on any
  /// other it does nothing.
  static void join_at_exit();
  /// Threads that were not joined yet.
  size_t count();

private:
  struct Retired {
    std::thread thread;
    std::shared_future<void> ended;
  };
  RetiredThreads() = default;

  std::mutex mutex_;
  std::vector<Retired> retired_;
};

} // namespace vlm
