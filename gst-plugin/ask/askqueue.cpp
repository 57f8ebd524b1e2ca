// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/ask/askqueue.h"

#include "gst-plugin/base/gstvlmerrors.h"

#include "model/core/error.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace gstvlm
{
namespace
{

constexpr const char * kNoModel = "the model could not be loaded";

// Apart from those that the engine gives to its workers.
guint64
next_client ()
{
  static std::atomic<guint64> last{vlm::kFirstFreeClient};
  return last++;
}

CaptionRecord
timeless (const vlm::Request &request)
{
  CaptionRecord record;
  record.pts = record.duration = record.window_start = record.window_end =
      GST_CLOCK_TIME_NONE;
  record.question = request.question;
  record.sampling = request.sampling;
  record.max_tokens = request.max_tokens;
  return record;
}

} // namespace

// What the model still says about it is ignored.
void
AskQueue::Ask::settle (Status status, const std::string &why)
{
  if (settled)
    return;
  request.cancel.cancel ();
  picture.reset ();
  settled = true;
  running = false;
  record.status = status;
  record.error = why;
}

void
AskQueue::Ask::look_at (std::shared_ptr<const AskedPicture> what)
{
  CaptionRecord dated = what->moment;
  dated.question = record.question;
  dated.sampling = record.sampling;
  dated.max_tokens = record.max_tokens;
  dated.id = record.id;
  dated.ask_id = record.ask_id;
  record = std::move (dated);
  picture = std::move (what);
}

AskQueue::AskQueue (Deliver deliver)
    : deliver_ (std::move (deliver)), client_ (next_client ())
{
}

void
AskQueue::start ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  started_ = true;
  failed_ = false;
}

void
AskQueue::stop ()
{
  Lock lock (mutex_);
  started_ = false;
  settle_all (Status::Dropped, "cancelled: the element stopped");
  pump (lock);
  deliverer_.wait (lock);
}

void
AskQueue::set_worker (std::shared_ptr<vlm::Worker> worker)
{
  Lock lock (mutex_);
  worker_ = std::move (worker);
  pump (lock);
}

void
AskQueue::drop_worker ()
{
  std::shared_ptr<vlm::Worker> dropped; // let go without the lock
  std::lock_guard<std::mutex> lock (mutex_);
  dropped.swap (worker_);
}

void
AskQueue::fail ()
{
  Lock lock (mutex_);
  failed_ = true;
  settle_all (Status::Failed, kNoModel);
  pump (lock);
}

void
AskQueue::settle_all (Status status, const std::string &why)
{
  for (Ask &ask : asks_)
    ask.settle (status, why);
}

bool
AskQueue::open (guint64 id) const
{
  return std::any_of (asks_.begin (), asks_.end (),
      [id] (const Ask &ask) { return ask.id == id; });
}

guint64
AskQueue::free_id ()
{
  do
    ++last_id_;
  while (last_id_ == 0 || open (last_id_));
  return last_id_;
}

guint64
AskQueue::ask (guint64 id, vlm::Request request, bool prompts,
    std::shared_ptr<const AskedPicture> picture)
{
  const auto refuse = [&request] (const auto &... why) {
    vlm::fail (vlm::ErrorCategory::Failed, "the question \"", request.question,
        "\" is not asked: ", why...);
  };
  Lock lock (mutex_);
  if (!started_)
    refuse ("the element is in the state NULL or READY");
  if (failed_)
    refuse (kNoModel);
  if (asks_.size () >= kMost)
    refuse (kMost, " questions are open already");
  if (id != 0 && open (id))
    refuse ("a question with the id ", id, " is open already");
  if (id == 0)
    id = free_id ();
  request.client = client_;
  Ask ask{id, ++last_serial_, std::move (request), prompts, nullptr, {}};
  ask.record = timeless (ask.request);
  ask.record.id = ask.serial;
  ask.record.ask_id = id;
  if (picture)
    ask.look_at (std::move (picture));
  asks_.push_back (std::move (ask));
  pump (lock);
  return id;
}

void
AskQueue::cancel (guint64 id)
{
  Lock lock (mutex_);
  for (Ask &ask : asks_)
    if (ask.id == id)
      ask.settle (Status::Dropped, "cancelled");
  pump (lock);
}

bool
AskQueue::waits_for_picture () const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return std::any_of (asks_.begin (), asks_.end (),
      [] (const Ask &ask) { return !ask.picture && !ask.settled; });
}

void
AskQueue::give (std::shared_ptr<const AskedPicture> picture)
{
  Lock lock (mutex_);
  for (Ask &ask : asks_)
    if (!ask.picture && !ask.settled)
      ask.look_at (picture);
  pump (lock);
}

void
AskQueue::refuse_pictures (Status status, const std::string &why)
{
  Lock lock (mutex_);
  for (Ask &ask : asks_)
    if (!ask.picture)
      ask.settle (status, why);
  pump (lock);
}

// Gives the worker something to do and hands out what is finished.
void
AskQueue::pump (Lock &lock)
{
  submit_next ();
  if (deliverer_.busy ())
    return; // that thread, or the handler's caller, goes on until none is left
  const Deliverer::Turn turn (deliverer_);
  const auto finished = [this] {
    return std::find_if (asks_.begin (), asks_.end (),
        [] (const Ask &ask) { return ask.settled; });
  };
  for (auto ask = finished (); ask != asks_.end (); ask = finished ()) {
    const Ask done = std::move (*ask);
    asks_.erase (ask);
    CaptionRecord record = done.record;
    record.sequence = ++last_sequence_;
    submit_next ();
    const Deliverer::Unlocked open (lock);
    deliver_ (record);
  }
}

void
AskQueue::submit_next ()
{
  const bool busy = std::any_of (asks_.begin (), asks_.end (),
      [] (const Ask &ask) { return ask.running; });
  const auto next = std::find_if (asks_.begin (), asks_.end (),
      [] (const Ask &ask) { return ask.picture && !ask.settled; });
  if (busy || !worker_ || next == asks_.end ())
    return;
  next->running = true;
  next->record.model = worker_->info ().name;
  next->record.model_digest = worker_->info ().digest;
  try {
    submit (*next);
  } catch (...) {
    next->settle (Status::Failed, failure_of (std::current_exception ()).text);
  }
}

// The queue outlives the request, the element need not.
void
AskQueue::submit (Ask &ask)
{
  vlm::Request request = ask.request;
  request.images = {ask.picture->image};
  request.memory = ask.picture->memory (ask.record.model_digest);
  worker_->submit (std::move (request),
      [self = shared_from_this (), serial = ask.serial] (
          std::unique_ptr<vlm::Result> result, std::exception_ptr error) {
        self->complete (serial, result, error);
      });
}

void
AskQueue::complete (guint64 serial, const std::unique_ptr<vlm::Result> &result,
    std::exception_ptr error)
{
  Lock lock (mutex_);
  const auto ask =
      std::find_if (asks_.begin (), asks_.end (), [serial] (const Ask &each) {
        return each.running && each.serial == serial;
      });
  if (ask == asks_.end ())
    return;
  if (!result) {
    ask->settle (Status::Failed, failure_of (error).text);
  } else {
    const Clock::duration waited = Clock::now () - ask->admitted;
    fill_answer (
        ask->record, *result, std::chrono::nanoseconds (waited).count ());
    if (!ask->prompts)
      ask->record.answer->generation_prompt.clear ();
    ask->settle (ask->record.status, "");
  }
  pump (lock);
}

} // namespace gstvlm
