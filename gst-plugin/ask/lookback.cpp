// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/ask/lookback.h"

#include "gst-plugin/picture/jpegpicture.h"

#include "model/core/error.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

constexpr GstClockTime kStep = GST_SECOND / 2;
constexpr gint kLongestSide = 672; // about what the model looks at
constexpr size_t kMostFrames = 4;

GstClockTime
distance (GstClockTime a, GstClockTime b)
{
  return a > b ? a - b : b - a;
}

vlm::Image
small_picture (const GstVideoInfo &info, GstBuffer * frame)
{
  FrameReader reader;
  reader.set_info (info);
  return reader.image (frame, kLongestSide);
}

} // namespace

void
LookBack::frame (GstBuffer * frame, const GstVideoInfo &info,
    const CaptionRecord &moment, const Limits &limits)
{
  Lock lock (mutex_);
  limits_ = limits;
  seen_ = moment.window_end;
  if (limits.span == 0) {
    kept_.clear ();
    bytes_ = 0;
    return;
  }
  if (!kept_.empty () &&
      distance (kept_.back ()->moment.pts, moment.pts) < kStep)
    return;
  if (limits.live && frames () >= kMostFrames)
    return;
  auto entry = std::make_shared<Kept> ();
  entry->moment = moment;
  entry->info = info;
  entry->frame.reset (gst_buffer_ref (frame));
  kept_.push_back (std::move (entry));
  trim ();
  if (!thread_.joinable ())
    thread_ = std::thread ([this] { run (); });
  wake_.notify_one ();
  while (frames () > kMostFrames) {
    const Entry oldest = oldest_frame ();
    if (!oldest)
      break; // the thread has it
    compress (lock, oldest);
  }
}

void
LookBack::reset ()
{
  std::deque<Entry> dropped; // let go without the lock
  std::lock_guard<std::mutex> lock (mutex_);
  dropped.swap (kept_);
  bytes_ = 0;
  seen_ = GST_CLOCK_TIME_NONE;
}

void
LookBack::stop ()
{
  reset ();
  {
    std::lock_guard<std::mutex> lock (mutex_);
    ending_ = true;
    wake_.notify_one ();
  }
  if (thread_.joinable ())
    thread_.join ();
  ending_ = false;
}

void
LookBack::run ()
{
  Lock lock (mutex_);
  while (!ending_) {
    if (const Entry entry = oldest_frame ())
      compress (lock, entry);
    else
      wake_.wait (lock);
  }
}

LookBack::Entry
LookBack::oldest_frame () const
{
  for (const Entry &entry : kept_)
    if (entry->frame && !entry->busy)
      return entry;
  return nullptr;
}

size_t
LookBack::frames () const
{
  return std::count_if (kept_.begin (), kept_.end (),
      [] (const Entry &entry) { return entry->frame != nullptr; });
}

// A frame that is no picture is forgotten; whoever asks about it gets the one
// before.
void
LookBack::compress (Lock &lock, const Entry &entry)
{
  entry->busy = true;
  GstBuffer * frame = entry->frame.get ();
  Ptr<GstBuffer> done; // let go without the lock
  std::vector<unsigned char> file;
  lock.unlock ();
  try {
    file = to_jpeg (small_picture (entry->info, frame));
  } catch (const std::exception &) {
    file.clear ();
  }
  lock.lock ();
  done = std::move (entry->frame);
  entry->busy = false;
  entry->file = std::move (file);
  const auto place = std::find (kept_.begin (), kept_.end (), entry);
  if (place != kept_.end ()) { // not forgotten meanwhile
    bytes_ += entry->file.size ();
    if (entry->file.empty ())
      kept_.erase (place);
    trim ();
  }
  lock.unlock ();
  done.reset ();
  lock.lock ();
}

void
LookBack::trim ()
{
  while (kept_.size () > 1 &&
         (bytes_ > limits_.bytes ||
             distance (kept_.front ()->moment.pts, kept_.back ()->moment.pts) >
                 limits_.span)) {
    bytes_ -= kept_.front ()->file.size ();
    kept_.pop_front ();
  }
}

LookBack::Entry
LookBack::find (GstClockTime pts) const
{
  Entry best;
  for (const Entry &entry : kept_)
    if (entry->moment.pts <= pts &&
        (!best || entry->moment.pts >= best->moment.pts))
      best = entry;
  return best;
}

std::shared_ptr<const AskedPicture>
LookBack::at (GstClockTime pts)
{
  Lock lock (mutex_);
  const Entry entry = find (pts);
  if (!entry || pts >= seen_) {
    if (kept_.empty ())
      vlm::fail (vlm::ErrorCategory::Failed, "pts ", pts,
          " lies outside of the look-back, which holds nothing");
    vlm::fail (vlm::ErrorCategory::Failed, "pts ", pts,
        " lies outside of the look-back, which reaches from ",
        kept_.front ()->moment.pts, " to ", seen_);
  }
  auto picture = std::make_shared<AskedPicture> ();
  picture->moment = entry->moment;
  const Ptr<GstBuffer> frame (
      entry->frame ? gst_buffer_ref (entry->frame.get ()) : nullptr);
  const std::vector<unsigned char> file = entry->file;
  lock.unlock ();
  picture->image =
      frame ? small_picture (entry->info, frame.get ()) : from_jpeg (file);
  return picture;
}

} // namespace gstvlm
