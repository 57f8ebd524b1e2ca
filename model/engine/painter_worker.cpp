// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/painter_worker.h"

namespace vlm {
namespace {

void paint(Painter &painter, const PaintJob &job) {
  std::unique_ptr<Painting> painting;
  std::exception_ptr error;
  try {
    job.cancel.check();
    painting = std::make_unique<Painting>(painter.paint(job.request, job.cancel, job.step));
  } catch (...) {
    error = std::current_exception();
  }
  job.done(std::move(painting), error);
}

} // namespace

PainterWorker::PainterWorker(Loader load)
    : state_(std::make_shared<State>()),
      thread_([state = state_, load = std::move(load)] { PainterWorker::load(*state, load); },
              [state = state_] { serve(*state); }) {}

PainterWorker::~PainterWorker() {
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->closed.cancel();
  state_->painting.cancel();
  for (const PaintJob &job : state_->jobs)
    job.cancel.cancel();
  state_->wake.notify_one();
}

const PainterInfo &PainterWorker::info() const {
  std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->painter->info(); // which the thread keeps until this is destroyed
}

void PainterWorker::submit(PaintJob job) {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
  }
  state_->wake.notify_one();
}

void PainterWorker::load(State &state, const Loader &load) {
  std::unique_ptr<Painter> painter = load(state.closed);
  std::lock_guard<std::mutex> lock(state.mutex);
  state.painter = std::move(painter);
}

// Waits for the next job; false when it is closed and all were told.
bool PainterWorker::take(State &state, PaintJob &job) {
  std::unique_lock<std::mutex> lock(state.mutex);
  state.wake.wait(lock, [&] { return state.closed.cancelled() || !state.jobs.empty(); });
  if (state.jobs.empty())
    return false;
  job = std::move(state.jobs.front());
  state.jobs.pop_front();
  state.painting = job.cancel;
  return true;
}

// A job is let go of before the next is waited for: what it holds may be the last of its kind.
void PainterWorker::serve(State &state) {
  for (PaintJob job; take(state, job); job = PaintJob())
    paint(*state.painter, job);
  std::lock_guard<std::mutex> lock(state.mutex);
  state.painter.reset();
}

} // namespace vlm
