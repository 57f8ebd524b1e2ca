// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/fair_queue.h"
#include "model/engine/model.h"
#include "model/engine/serving_thread.h"

namespace vlm {

/// A queue of requests and the thread that loads a model and answers them, several at a time
/// (Batch).
class ModelWorker : public Worker {
public:
  using Loader = std::function<std::shared_ptr<const Model>(const CancelToken &)>;

  /// Starts the thread, which calls `load` first.
  explicit ModelWorker(Loader load);

  /// Cancels what runs and what waits, and returns without waiting for the running layer.
  ~ModelWorker() override;

  /// See ServingThread.
  void wait_loaded(const CancelToken &cancel) const { thread_.wait_loaded(cancel); }
  std::shared_future<void> ended() const { return thread_.ended(); }

  const ModelInfo &info() const override;
  void submit(Request request, Completion done) override;

private:
  // What the thread shares with this object; the thread may outlive it.
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::shared_ptr<const Model> model;
    FairQueue jobs;
    CancelToken reading; // the request whose prompt is read
    CancelToken closed;  // by the destructor
  };
  static void load(State &state, const Loader &load);
  static void serve(State &state);

  std::shared_ptr<State> state_;
  ServingThread thread_;
};

} // namespace vlm
