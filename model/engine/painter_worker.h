// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"
#include "model/engine/serving_thread.h"

#include <deque>

namespace vlm {

/// A queue of pictures to paint and the thread that loads a painter and paints them, in order.
class PainterWorker : public PaintWorker {
public:
  using Loader = std::function<std::unique_ptr<Painter>(const CancelToken &)>;

  /// Starts the thread, which calls `load` first.
  explicit PainterWorker(Loader load);

  /// Cancels what is painted and what waits, and returns without waiting for the running block.
  ~PainterWorker() override;

  /// See ServingThread.
  void wait_loaded(const CancelToken &cancel) const { thread_.wait_loaded(cancel); }
  std::shared_future<void> ended() const { return thread_.ended(); }

  const PainterInfo &info() const override;
  void submit(PaintJob job) override;

private:
  // What the thread shares with this object; the thread may outlive it.
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::unique_ptr<Painter> painter;
    std::deque<PaintJob> jobs;
    CancelToken painting; // of the picture that is painted
    CancelToken closed;   // by the destructor
  };
  static void load(State &state, const Loader &load);
  static bool take(State &state, PaintJob &job);
  static void serve(State &state);

  std::shared_ptr<State> state_;
  ServingThread thread_;
};

} // namespace vlm
