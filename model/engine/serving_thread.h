// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace vlm {

/// The one thread that loads a model and works with it, below the priority of video. Loading
/// happens on the same thread as inference, because the OpenMP runtime keeps a team of threads per
/// calling thread.
class ServingThread {
public:
  /// Starts the thread, which calls `load` and, unless that throws, `serve`. It may outlive this
  /// object: both must hold what they use.
  ServingThread(std::function<void()> load, std::function<void()> serve);

  /// Returns without waiting for a running layer: the thread, which must have been told to end, is
  /// joined by RetiredThreads when it has.
  ~ServingThread();

  /// Blocks until `load` has returned; rethrows what it threw. With `cancel`, gives up
  /// (Error(Cancelled)) while the load goes on.
  void wait_loaded(const CancelToken &cancel) const;

  /// Ready once the thread has ended, which may be later than the destructor.
  std::shared_future<void> ended() const { return ended_; }

private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool loaded = false;
    std::exception_ptr error; // of `load`
    std::promise<void> ended;
  };
  static bool load(State &state, const std::function<void()> &load);

  std::shared_ptr<State> state_;
  std::shared_future<void> ended_;
  std::thread thread_;
};

} // namespace vlm
