// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/serving_thread.h"

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

ServingThread::ServingThread(std::function<void()> load, std::function<void()> serve)
    : state_(std::make_shared<State>()) {
  RetiredThreads::instance().reap();
  ended_ = state_->ended.get_future().share();
  thread_ = std::thread([state = state_, load = std::move(load), serve = std::move(serve)] {
    lower_priority();
    if (ServingThread::load(*state, load))
      serve();
    state->ended.set_value();
  });
}

ServingThread::~ServingThread() {
  RetiredThreads::instance().reap();
  // A thread that ends at once is seen off here, so that its memory is free when this returns; a
  // running layer is not waited for.
  if (ended_.wait_for(kPatience) == std::future_status::ready)
    thread_.join();
  else
    RetiredThreads::instance().add(std::move(thread_), ended_);
}

void ServingThread::wait_loaded(const CancelToken &cancel) const {
  std::unique_lock<std::mutex> lock(state_->mutex);
  while (!state_->changed.wait_for(lock, kPoll, [&] { return state_->loaded || state_->error; }))
    cancel.check();
  if (state_->error)
    std::rethrow_exception(state_->error);
}

bool ServingThread::load(State &state, const std::function<void()> &load) {
  std::exception_ptr error;
  try {
    load();
  } catch (...) {
    error = std::current_exception();
  }
  std::lock_guard<std::mutex> lock(state.mutex);
  state.error = error;
  state.loaded = !error;
  state.changed.notify_all();
  return state.loaded;
}

} // namespace vlm
