// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/framecaptions.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

GstClockTime
distance (GstClockTime a, GstClockTime b)
{
  return a > b ? a - b : b - a;
}

GstClockTime
pts_of (const GstStructure * record)
{
  guint64 pts = 0;
  gst_structure_get_uint64 (record, "pts", &pts);
  return pts;
}

void
carry (GstBuffer * buffer, const std::vector<Ptr<GstStructure>> &records,
    const char * state)
{
  std::vector<const GstStructure *> all;
  if (records.size () > 1)
    for (const Ptr<GstStructure> &each : records)
      all.push_back (each.get ());
  const GstStructure * first = records.front ().get ();
  const GstClockTime age = distance (GST_BUFFER_PTS (buffer), pts_of (first));
  add_caption_meta (buffer, first, state, age, all);
}

} // namespace

void
FrameCaptions::publish (const CaptionRecord &record)
{
  Ptr<GstStructure> structure = to_structure (record, kCaptionMeta);
  const bool rides = record.has_text ();
  std::lock_guard<std::mutex> lock (mutex_);
  waiting_.push_back ({std::move (structure), record.pts, rides});
  if (!rides)
    return;
  if (record.pts != last_pts_) {
    if (GST_CLOCK_TIME_IS_VALID (last_pts_))
      spacing_ = distance (record.pts, last_pts_);
    held_.clear ();
  }
  last_pts_ = record.pts;
  last_duration_ = record.duration;
  held_.emplace_back (gst_structure_copy (waiting_.back ().record.get ()));
}

void
FrameCaptions::publish_late (const CaptionRecord &record)
{
  Ptr<GstStructure> structure = to_structure (record, kCaptionMeta);
  std::lock_guard<std::mutex> lock (mutex_);
  waiting_.push_back ({std::move (structure), record.pts, false});
}

void
FrameCaptions::reset ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  waiting_.clear ();
  held_.clear ();
  last_pts_ = GST_CLOCK_TIME_NONE;
  spacing_ = 0;
}

bool
FrameCaptions::stale (GstClockTime age, GstClockTime stale_after) const
{
  return age > (stale_after > 0 ? stale_after
                                : 2 * std::max (spacing_, last_duration_));
}

void
FrameCaptions::annotate (
    GstBuffer * buffer, GstClockTime stale_after, bool repeat)
{
  const Records fresh = take_fresh ();
  if (!fresh.empty ()) {
    carry (buffer, fresh, "fresh");
    return;
  }
  std::lock_guard<std::mutex> lock (mutex_);
  if (!repeat || held_.empty ())
    return;
  const GstClockTime age = distance (GST_BUFFER_PTS (buffer), last_pts_);
  carry (buffer, held_, stale (age, stale_after) ? "stale" : "held");
}

// What follows an event waits for the frame after it.
FrameCaptions::Records
FrameCaptions::take_fresh ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  Records out;
  for (; !waiting_.empty () && waiting_.front ().rides; waiting_.pop_front ())
    out.push_back (std::move (waiting_.front ().record));
  return out;
}

FrameCaptions::Records
FrameCaptions::take_events ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  Records out;
  for (auto each = waiting_.begin (); each != waiting_.end ();) {
    if (each->pts != waiting_.front ().pts)
      break; // the frame at the front has a text
    if (each->rides) {
      ++each;
      continue;
    }
    out.push_back (std::move (each->record));
    each = waiting_.erase (each);
  }
  return out;
}

FrameCaptions::Records
FrameCaptions::take_all ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  Records out;
  for (Waiting &each : std::exchange (waiting_, {}))
    out.push_back (std::move (each.record));
  return out;
}

GstClockTime
FrameCaptions::spacing () const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return spacing_;
}

} // namespace gstvlm
