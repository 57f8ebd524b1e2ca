// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/fair_queue.h"
#include "model/engine/model.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace vlm {

/// A queue of requests and the one thread that loads a model and answers them, several at a time
/// (Batch). Loading happens on
/// the same thread as inference, because the OpenMP runtime keeps a team of threads per calling
/// thread.
class ModelWorker : public Worker {
public:
  using Loader = std::function<std::shared_ptr<const Model>(const CancelToken &)>;

  /// Starts the thread, which calls `load` first.
  explicit ModelWorker(Loader load);

  /// Cancels what runs and what waits, and returns without waiting for the running layer: the
  /// thread ends by itself and is then joined by RetiredThreads.
  ~ModelWorker() override;

  /// Blocks until the model is loaded; rethrows what the loader threw. With `cancel`, gives up
  /// (Error(Cancelled)) while the load goes on.
  void wait_loaded(const CancelToken &cancel) const;

  /// Ready once the thread has let go of the model, which may be later than the destructor.
  std::shared_future<void> ended() const { return ended_; }

  const ModelInfo &info() const override;
  void submit(Request request, Completion done) override;

private:
  // What the thread shares with this object; the thread may outlive it.
  struct State {
    std::mutex mutex;
    std::condition_variable wake;   // of the thread
    std::condition_variable loaded; // `model` or `error` is set
    std::shared_ptr<const Model> model;
    std::exception_ptr error; // of the loader
    FairQueue jobs;
    CancelToken reading; // the request whose prompt is read
    CancelToken closed;  // by the destructor
    std::promise<void> ended;
  };
  static void run(State &state, const Loader &load);
  static bool load_model(State &state, const Loader &load);
  static void serve(State &state, const Model &model);

  std::shared_ptr<State> state_;
  std::shared_future<void> ended_;
  std::thread thread_;
};

} // namespace vlm
