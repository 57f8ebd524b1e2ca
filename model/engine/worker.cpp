// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/worker.h"

#include "model/engine/batch.h"

namespace vlm {

ModelWorker::ModelWorker(Loader load)
    : state_(std::make_shared<State>()),
      thread_([state = state_, load = std::move(load)] { ModelWorker::load(*state, load); },
              [state = state_] { serve(*state); }) {}

ModelWorker::~ModelWorker() {
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->closed.cancel();
  state_->reading.cancel();
  state_->jobs.cancel();
  state_->wake.notify_one();
}

const ModelInfo &ModelWorker::info() const {
  std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->model->info(); // which the thread keeps until this is destroyed
}

void ModelWorker::submit(Request request, Completion done) {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->jobs.push({std::move(request), std::move(done)});
  }
  state_->wake.notify_one();
}

void ModelWorker::load(State &state, const Loader &load) {
  std::shared_ptr<const Model> model = load(state.closed);
  std::lock_guard<std::mutex> lock(state.mutex);
  state.model = std::move(model);
}

void ModelWorker::serve(State &state) {
  Batch batch(*state.model, state.closed);
  for (;;) {
    std::optional<Job> job;
    {
      std::unique_lock<std::mutex> lock(state.mutex);
      const auto idle = [&] { return batch.empty() && state.jobs.empty(); };
      state.wake.wait(lock, [&] { return state.closed.cancelled() || !idle(); });
      if (idle()) { // closed, and everyone was answered
        state.model.reset();
        return;
      }
      if (!batch.full())
        job = state.jobs.pop();
      state.reading = job ? job->request.cancel : CancelToken();
    }
    if (job)
      batch.start(std::move(*job));
    else
      batch.step();
  }
}

} // namespace vlm
