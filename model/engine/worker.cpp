// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/worker.h"

#include "model/engine/batch.h"
#include "model/engine/retired_threads.h"

#include <algorithm>
#include <chrono>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace vlm {
namespace {

using std::chrono::milliseconds;

// What a thread without work needs to end. Several workers that are destroyed one after the other
// must still stay below the 200 ms in which a pipeline promises to stop.
constexpr milliseconds kPatience(20);
// A cancel token wakes nobody: those who wait look at it this often.
constexpr milliseconds kPoll(5);

// Video threads keep their cores: inference yields to them. Threads that the runtime starts from
// this one inherit both. A refusal by the system changes nothing but latency.
void lower_priority() {
  constexpr int kNice = 10;
  const sched_param none{};
  const auto self = static_cast<id_t>(gettid());
  sched_setscheduler(0, SCHED_BATCH, &none);
  setpriority(PRIO_PROCESS, self, std::max(kNice, getpriority(PRIO_PROCESS, self)));
}

} // namespace

ModelWorker::ModelWorker(Loader load) : state_(std::make_shared<State>()) {
  RetiredThreads::instance().reap();
  ended_ = state_->ended.get_future().share();
  thread_ = std::thread([state = state_, load = std::move(load)] { run(*state, load); });
}

ModelWorker::~ModelWorker() {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->closed.cancel();
    state_->reading.cancel();
    state_->jobs.cancel();
    state_->wake.notify_one();
  }
  RetiredThreads::instance().reap();
  // A thread that ends at once is seen off here, so that its memory is free when this returns; a
  // running layer is not waited for.
  if (ended_.wait_for(kPatience) == std::future_status::ready)
    thread_.join();
  else
    RetiredThreads::instance().add(std::move(thread_), ended_);
}

void ModelWorker::wait_loaded(const CancelToken &cancel) const {
  std::unique_lock<std::mutex> lock(state_->mutex);
  while (!state_->loaded.wait_for(lock, kPoll, [&] { return state_->model || state_->error; }))
    cancel.check();
  if (state_->error)
    std::rethrow_exception(state_->error);
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

void ModelWorker::run(State &state, const Loader &load) {
  lower_priority();
  if (load_model(state, load)) {
    serve(state, *state.model);
    std::lock_guard<std::mutex> lock(state.mutex);
    state.model.reset();
  }
  state.ended.set_value();
}

bool ModelWorker::load_model(State &state, const Loader &load) {
  std::shared_ptr<const Model> model;
  std::exception_ptr error;
  try {
    model = load(state.closed);
  } catch (...) {
    error = std::current_exception();
  }
  std::lock_guard<std::mutex> lock(state.mutex);
  state.model = std::move(model);
  state.error = error;
  state.loaded.notify_all();
  return state.model != nullptr;
}

void ModelWorker::serve(State &state, const Model &model) {
  Batch batch(model, state.closed);
  for (;;) {
    std::optional<Job> job;
    {
      std::unique_lock<std::mutex> lock(state.mutex);
      const auto idle = [&] { return batch.empty() && state.jobs.empty(); };
      state.wake.wait(lock, [&] { return state.closed.cancelled() || !idle(); });
      if (idle())
        return; // closed, and everyone was answered
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
