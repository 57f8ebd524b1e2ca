// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/worker.h"

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

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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
    state_->closed = true;
    state_->running.cancel();
    state_->loading.cancel();
    for (const Job &job : state_->jobs)
      job.request.cancel.cancel();
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
    state_->jobs.push_back({std::move(request), std::move(done), now()});
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
    model = load(state.loading);
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
