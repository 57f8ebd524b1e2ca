// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/tokens/looker.h"

#include <utility>

namespace gstvlm
{
namespace
{

constexpr size_t kMostWaiting = 4;

} // namespace

void
Looker::start ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  counters_ = Counters ();
  started_ = true;
}

void
Looker::stop ()
{
  std::unique_lock<std::mutex> lock (mutex_);
  started_ = false;
  forget ();
  deliverer_.wait (lock);
}

void
Looker::flush ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  forget ();
}

void
Looker::forget ()
{
  for (const Look &look : looks_)
    look.request.cancel.cancel ();
  looks_.clear ();
  running_ = false;
}

void
Looker::set_worker (std::shared_ptr<vlm::Worker> worker)
{
  std::lock_guard<std::mutex> lock (mutex_);
  worker_ = std::move (worker);
  submit_next ();
}

void
Looker::drop_worker ()
{
  std::shared_ptr<vlm::Worker> dropped; // let go without the lock
  std::lock_guard<std::mutex> lock (mutex_);
  dropped.swap (worker_);
}

void
Looker::look (std::shared_ptr<LatePicture> picture,
    std::shared_ptr<vlm::PictureMemory> memory)
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (!started_)
    return;
  Look look{++last_serial_, {}};
  look.request.make_images = [picture = std::move (picture)] {
    return std::vector<vlm::Image>{*picture->image ()};
  };
  look.request.memory = std::move (memory);
  look.request.max_tokens = 0;
  if (looks_.size () - running_ >= kMostWaiting) {
    looks_.erase (looks_.begin () + running_);
    ++counters_.dropped;
  }
  looks_.push_back (std::move (look));
  submit_next ();
}

Looker::Counters
Looker::counters () const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return counters_;
}

// The looker outlives the request, the element need not.
void
Looker::submit_next ()
{
  if (running_ || !worker_ || looks_.empty ())
    return;
  running_ = true;
  Look &next = looks_.front ();
  vlm::Request request = std::move (next.request);
  next.request = vlm::Request ();
  next.request.cancel = request.cancel; // forget() cancels through it
  worker_->submit (std::move (request),
      [self = shared_from_this (), serial = next.serial] (
          std::unique_ptr<vlm::Result>, std::exception_ptr error) {
        self->complete (serial, error);
      });
}

void
Looker::complete (guint64 serial, std::exception_ptr error)
{
  std::unique_lock<std::mutex> lock (mutex_);
  if (!running_ || looks_.front ().serial != serial)
    return; // forgotten
  running_ = false;
  looks_.pop_front ();
  ++(error ? counters_.failed : counters_.looked);
  submit_next ();
  // Busy: a worker of before a stop is still in a handler.
  if (!error || deliverer_.busy ())
    return;
  const Deliverer::Turn turn (deliverer_);
  const Deliverer::Unlocked open (lock);
  failed_ (error);
}

} // namespace gstvlm
