// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/captionqueue.h"

#include "gst-plugin/base/gstvlmerrors.h"

#include "model/core/error.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

// Records of dropped and repeated frames that may wait for their turn.
constexpr size_t kBacklog = 1000;

// Whom nobody cancels has only its deadline to miss.
bool
was_given_up (const std::exception_ptr &error)
{
  try {
    std::rethrow_exception (error);
  } catch (const vlm::Error &e) {
    return e.category () == vlm::ErrorCategory::Cancelled;
  } catch (...) {
    return false;
  }
}

void
add (vlm::Reused &total, const vlm::Reused &saved)
{
  total.drafted += saved.drafted;
  total.accepted += saved.accepted;
  total.positions += saved.positions;
  total.pictures += saved.pictures;
  total.passes += saved.passes;
}

} // namespace

void
CaptionQueue::start ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  forget ();
  worker_.reset ();
  counters_ = Counters ();
  last_id_ = last_sequence_ = 0;
  flushing_ = stopped_ = failed_ = reference_lost_ = false;
}

void
CaptionQueue::stop ()
{
  Lock lock (mutex_);
  stopped_ = true;
  forget ();
  deliverer_.wait (lock);
}

void
CaptionQueue::set_worker (std::shared_ptr<vlm::Worker> worker)
{
  Lock lock (mutex_);
  worker_ = std::move (worker);
  pump (lock);
}

void
CaptionQueue::drop_worker ()
{
  std::shared_ptr<vlm::Worker> dropped; // let go without the lock
  std::lock_guard<std::mutex> lock (mutex_);
  dropped.swap (worker_);
}

void
CaptionQueue::fail ()
{
  Lock lock (mutex_);
  failed_ = true;
  drop_all ();
  pump (lock);
  changed_.notify_all ();
}

bool
CaptionQueue::failed () const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return failed_;
}

void
CaptionQueue::flush ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  flushing_ = true;
  forget ();
}

void
CaptionQueue::forget ()
{
  ++epoch_;
  for (const Job &job : jobs_) {
    job.request.cancel.cancel ();
    counters_.dropped -= job.record.status == Status::Dropped;
  }
  counters_.flushed += jobs_.size ();
  jobs_.clear ();
  last_.clear ();
  history_.clear ();
  captions_.reset ();
  changed_.notify_all ();
}

void
CaptionQueue::resume ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  flushing_ = false;
}

void
CaptionQueue::new_stream ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  ++stream_;
  history_.clear ();
  captions_.reset ();
}

void
CaptionQueue::drop (Job &job)
{
  job.drop ();
  ++counters_.dropped;
}

void
CaptionQueue::drop_all ()
{
  for (Job &job : jobs_)
    if (job.record.status != Status::Dropped)
      drop (job);
}

// The one being analysed does not count; when none is, one more may come, for
// it is next.
bool
CaptionQueue::room (guint size) const
{
  const size_t waiting = std::count_if (jobs_.begin (), jobs_.end (),
      [] (const Job &job) { return job.leads && job.waits_for_model (); });
  const bool busy = std::any_of (jobs_.begin (), jobs_.end (),
      [] (const Job &job) { return job.running; });
  return waiting < std::max (size, busy ? 0u : 1u);
}

bool
CaptionQueue::has_room (guint size) const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return room (size);
}

// With all its questions, and those that would have repeated it.
void
CaptionQueue::drop_frame (std::deque<Job>::iterator job)
{
  drop (*job);
  while (
      ++job != jobs_.end () && (!job->leads || job->kind == Job::Kind::Repeat))
    drop (*job);
}

// A frame that the model began with stays.
bool
CaptionQueue::drop_oldest ()
{
  const auto job = std::find_if (jobs_.begin (), jobs_.end (),
      [] (const Job &each) { return each.leads && each.waits_for_model (); });
  if (job == jobs_.end ())
    return false;
  drop_frame (job);
  return true;
}

CaptionQueue::Admission
CaptionQueue::admit (
    std::vector<Job> jobs, GstVlmQueuePolicy policy, guint size)
{
  Lock lock (mutex_);
  const bool asks = jobs.front ().kind == Job::Kind::Analyse;
  if (asks && policy == GST_VLM_QUEUE_POLICY_BLOCK)
    changed_.wait (lock, [&] { return halted () || failed_ || room (size); });
  if (halted () || failed_)
    return halted () ? Admission::Flushing : Admission::Failed;

  Admission admission = Admission::Taken;
  if (jobs.front ().record.status == Status::Dropped) {
    admission = Admission::Refused; // the caller saw that there was no room
    counters_.dropped += jobs.size ();
  } else if (asks && !room (size)) {
    const bool made =
        policy == GST_VLM_QUEUE_POLICY_DROP_OLDEST && drop_oldest ();
    admission = made ? Admission::Displaced : Admission::Refused;
    if (!made)
      std::for_each (
          jobs.begin (), jobs.end (), [this] (Job &job) { drop (job); });
  }
  for (Job &job : jobs) {
    job.leads = &job == &jobs.front ();
    job.record.id = ++last_id_;
    job.stream = stream_;
    job.epoch = epoch_;
    ++counters_.due;
    jobs_.push_back (std::move (job));
  }
  pump (lock);
  return admission;
}

bool
CaptionQueue::drain ()
{
  Lock lock (mutex_);
  changed_.wait (lock, [this] {
    return halted () || failed_ || (jobs_.empty () && !deliverer_.busy ());
  });
  return !halted () && !failed_;
}

bool
CaptionQueue::current (const Job &job) const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return job.epoch == epoch_;
}

bool
CaptionQueue::take_reference_lost ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  return std::exchange (reference_lost_, false);
}

Counters
CaptionQueue::counters () const
{
  std::lock_guard<std::mutex> lock (mutex_);
  Counters out = counters_;
  out.queue = std::count_if (jobs_.begin (), jobs_.end (),
      [] (const Job &job) { return job.kind == Job::Kind::Analyse; });
  return out;
}

// Gives the worker something to do and hands out what is finished.
void
CaptionQueue::pump (Lock &lock)
{
  submit_next ();
  if (deliverer_.busy ())
    return; // that thread goes on until nothing is left
  {
    const Deliverer::Turn turn (deliverer_);
    for (auto job = deliverable (); job != jobs_.end (); job = deliverable ())
      deliver (lock, job);
  }
  changed_.notify_all ();
}

void
CaptionQueue::submit_next ()
{
  const bool busy = std::any_of (jobs_.begin (), jobs_.end (),
      [] (const Job &job) { return job.running; });
  const auto next = std::find_if (jobs_.begin (), jobs_.end (),
      [] (const Job &job) { return job.waits_for_model (); });
  if (busy || !worker_ || next == jobs_.end ())
    return;
  next->running = true;
  next->record.model = worker_->info ().name;
  next->record.model_digest = worker_->info ().digest;
  // The queue outlives the request, the element need not.
  const auto done =
      [self = shared_from_this (), epoch = epoch_, id = next->record.id] (
          std::unique_ptr<vlm::Result> result, std::exception_ptr error) {
        self->complete (epoch, id, result, error);
      };
  try {
    next->give_images (worker_->info ());
    next->request.question = next->record.question =
        next->question.with (history_.previous (next->prompt));
    vlm::Request request = std::move (next->request);
    next->request = vlm::Request ();
    next->request.cancel = request.cancel; // flush() cancels through it
    next->request.generate = request.generate;
    next->request.deadline = request.deadline;
    if (next->history > 0) {
      history_.enter (next->conversation);
      request.turns = history_.turns (next->prompt, next->history);
    }
    if (next->tokens && !next->tokens->fit (next->record.model_digest))
      next->tokens.reset ();
    if (next->tokens)
      request.memory = next->tokens->memory;
    worker_->submit (std::move (request), done);
  } catch (...) {
    next->running = false;
    next->fail (std::current_exception ());
  }
}

void
CaptionQueue::complete (guint64 epoch, guint64 id,
    const std::unique_ptr<vlm::Result> &result, std::exception_ptr error)
{
  Lock lock (mutex_);
  if (epoch != epoch_)
    return;
  const auto job = std::find_if (jobs_.begin (), jobs_.end (),
      [id] (const Job &each) { return each.running && each.record.id == id; });
  if (job == jobs_.end ())
    return;
  if (error && job->request.deadline && was_given_up (error)) {
    drop_frame (job);
    reference_lost_ = true; // nobody has seen it
    return pump (lock);
  }
  job->running = false;
  job->kind = Job::Kind::Settled;
  if (result) {
    fill_answer (job->record, *result, job->age ());
    if (job->question.needs_previous () && job->stream == stream_)
      history_.set_previous (job->prompt, job->record.text);
  } else
    job->fail (std::move (error));
  if (result && job->history > 0 && job->stream == stream_)
    history_.add (job->prompt, {job->message (), job->record.text});
  if (result && job->tokens && result->timings.vision == 0)
    ++counters_.reused;
  if (result)
    add (counters_.saved, result->reused);
  if (result && !job->prompts)
    job->record.answer->generation_prompt.clear ();
  pump (lock);
}

// The first job when it is finished. When the model hangs and too many that
// need it not have gathered behind, the first of those, out of turn.
std::deque<Job>::iterator
CaptionQueue::deliverable ()
{
  const auto finished = [] (const Job &job) {
    return !job.running && job.kind != Job::Kind::Analyse;
  };
  if (!jobs_.empty () && finished (jobs_.front ()))
    return jobs_.begin ();
  if (jobs_.size () <= kBacklog)
    return jobs_.end ();
  const auto job = std::find_if (jobs_.begin (), jobs_.end (), finished);
  if (job != jobs_.end () && job->kind == Job::Kind::Repeat)
    drop (*job);
  return job;
}

void
CaptionQueue::deliver (Lock &lock, std::deque<Job>::iterator place)
{
  Job job = std::move (*place);
  jobs_.erase (place);
  settle (job);
  bool goes_on = false;
  {
    const Deliverer::Unlocked open (lock);
    goes_on = deliver_ (job);
  }
  if (!goes_on && job.epoch == epoch_) {
    failed_ = true;
    drop_all ();
  }
  changed_.notify_all ();
  submit_next ();
}

void
CaptionQueue::settle (Job &job)
{
  CaptionRecord &record = job.record;
  if (job.kind == Job::Kind::Repeat) {
    const CaptionRecord &last = last_[job.prompt];
    if (!last.question.empty ())
      record.question = last.question;
    record.status = last.has_text () ? Status::SkippedUnchanged : last.status;
    record.text = last.text;
    record.model = last.model;
    record.model_digest = last.model_digest;
  }
  record.sequence = ++last_sequence_;
  if (job.error)
    record.error = failure_of (job.error).text;
  if (record.failed ())
    ++counters_.failed;
  else if (record.status == Status::SkippedUnchanged)
    ++counters_.skipped;
  else if (record.status != Status::Dropped) {
    ++counters_.answered;
    counters_.last_latency = job.age ();
    counters_.total_latency += counters_.last_latency;
  }
  if (record.status != Status::Dropped) {
    if (job.leads && job.kind != Job::Kind::Repeat)
      last_.clear (); // questions may have changed
    last_[job.prompt] = record;
  }
  reference_lost_ |= record.failed ();
  if (job.stream == stream_)
    captions_.publish (record);
  else
    captions_.publish_late (record);
}

} // namespace gstvlm
