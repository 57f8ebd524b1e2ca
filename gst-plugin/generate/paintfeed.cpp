// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/paintfeed.h"

#include <utility>

namespace gstvlm
{

void
PaintFeed::set_worker (std::shared_ptr<vlm::PaintWorker> worker)
{
  {
    std::lock_guard<std::mutex> lock (mutex_);
    worker_.swap (worker);
  } // the old one goes here, without the lock
}

std::shared_ptr<vlm::PaintWorker>
PaintFeed::worker () const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return worker_;
}

// A preview takes as long as a picture's decoding: it is made before the
// delivery, which a stop waits for.
void
PaintFeed::watch (const Prompt &prompt, const vlm::PaintStep &step) const
{
  if (!watcher_.wants (step))
    return;
  const vlm::Image preview = step.preview ();
  queue_->deliver (prompt.id, [&] { watcher_.show (prompt, step, preview); });
}

void
PaintFeed::feed (GstClockTime passed, std::vector<Prompt> &late)
{
  const std::shared_ptr<vlm::PaintWorker> painter = worker ();
  if (!painter)
    return;
  const std::optional<PromptQueue::Given> given = queue_->take (passed, late);
  if (!given)
    return;
  using Clock = std::chrono::steady_clock;
  const auto self = shared_from_this ();
  vlm::PaintJob job;
  job.request = given->prompt.request;
  job.cancel = given->cancel;
  job.step = [self, prompt = given->prompt] (
                 const vlm::PaintStep &step) { self->watch (prompt, step); };
  job.done = [self, id = given->prompt.id, begun = Clock::now ()] (
                 std::unique_ptr<vlm::Painting> painting,
                 const std::exception_ptr &error) {
    self->queue_->settle (
        id, std::move (painting), error, Clock::now () - begun);
  };
  painter->submit (std::move (job));
}

} // namespace gstvlm
