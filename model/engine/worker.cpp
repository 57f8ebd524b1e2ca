// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/worker.h"

#include <chrono>
#include <cstdlib>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace vlm {
namespace {

// Less than the 200 ms in which a pipeline promises to stop.
constexpr auto kPatience = std::chrono::milliseconds(100);

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Threads of destroyed workers that may still be inside a layer.
struct Retired {
  std::mutex mutex;
  std::vector<std::thread> threads;
};

// Never destroyed: a thread that outlives main() must not find it gone.
Retired &retired() {
  static Retired *const instance = new Retired;
  return *instance;
}

// Video threads keep their cores: inference yields to them. Threads that the runtime starts from
// this one inherit both. A refusal by the system changes nothing but latency.
void lower_priority() {
  const sched_param none{};
  sched_setscheduler(0, SCHED_BATCH, &none);
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
}

} // namespace

ModelWorker::ModelWorker(Loader load) : state_(std::make_shared<State>()) {
  model_ = state_->loaded.get_future().share();
  thread_ = std::thread([state = state_, load = std::move(load)] { run(state, load); });
}

ModelWorker::~ModelWorker() {
  std::unique_lock<std::mutex> lock(state_->mutex);
  state_->closed = true;
  state_->running.cancel();
  state_->loading.cancel();
  for (const Job &job : state_->jobs)
    job.request.cancel.cancel();
  state_->wake.notify_all();
  // A thread that ends at once is seen off here, so that a process which exits next has none left;
  // a running layer is not waited for.
  const bool ended = state_->wake.wait_for(lock, kPatience, [&] { return state_->ended; });
  lock.unlock();
  if (ended) {
    thread_.join();
    return;
  }
  std::lock_guard<std::mutex> retire(retired().mutex);
  retired().threads.push_back(std::move(thread_));
  // The process may exit before the layer ends: then it waits, while what the thread uses is there.
  std::atexit([] { join_finished_workers(); });
}

void join_finished_workers() {
  std::vector<std::thread> threads;
  {
    std::lock_guard<std::mutex> lock(retired().mutex);
    threads.swap(retired().threads);
  }
  for (std::thread &thread : threads)
    thread.join();
}

void ModelWorker::wait_loaded(const CancelToken &cancel) const {
  while (model_.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
    cancel.check();
  model_.get();
}

const ModelInfo &ModelWorker::info() const { return model_.get()->info(); }

void ModelWorker::submit(Request request, Completion done) {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->jobs.push_back({std::move(request), std::move(done), now()});
  }
  state_->wake.notify_one();
}

void ModelWorker::run(const std::shared_ptr<State> &state, const Loader &load) {
  lower_priority();
  std::shared_ptr<const Model> model;
  try {
    model = load(state->loading);
    state->loaded.set_value(model);
  } catch (...) {
    state->loaded.set_exception(std::current_exception());
  }
  if (model)
    serve(*state, *model);
  std::lock_guard<std::mutex> lock(state->mutex);
  state->ended = true;
  state->wake.notify_all();
}

void ModelWorker::serve(State &state, const Model &model) {
  std::unique_lock<std::mutex> lock(state.mutex);
  for (;;) {
    state.wake.wait(lock, [&] { return state.closed || !state.jobs.empty(); });
    if (state.jobs.empty())
      return; // closed, and every waiting job was answered
    Job job = std::move(state.jobs.front());
    state.jobs.pop_front();
    state.running = job.request.cancel;
    lock.unlock();
    answer(model, std::move(job));
    lock.lock();
    state.running = CancelToken();
  }
}

void ModelWorker::answer(const Model &model, Job job) {
  std::unique_ptr<Result> result;
  std::exception_ptr error;
  const double waited = now() - job.queued_at;
  try {
    job.request.cancel.check();
    result = std::make_unique<Result>(model.generate(job.request));
    result->timings.queue = waited;
  } catch (...) {
    error = std::current_exception();
  }
  job.done(std::move(result), error);
}

} // namespace vlm
