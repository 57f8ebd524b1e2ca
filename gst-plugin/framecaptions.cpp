// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/framecaptions.h"

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
  std::lock_guard<std::mutex> lock (mutex_);
  if (record.pts != last_pts_) {
    if (GST_CLOCK_TIME_IS_VALID (last_pts_))
      spacing_ = distance (record.pts, last_pts_);
    held_.clear ();
  }
  last_pts_ = record.pts;
  last_duration_ = record.duration;
  held_.emplace_back (gst_structure_copy (structure.get ()));
  fresh_.push_back (std::move (structure));
}

void
FrameCaptions::publish_late (const CaptionRecord &record)
{
  Ptr<GstStructure> structure = to_structure (record, kCaptionMeta);
  std::lock_guard<std::mutex> lock (mutex_);
  late_.push_back (std::move (structure));
}

void
FrameCaptions::reset ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  fresh_.clear ();
  late_.clear ();
  held_.clear ();
  last_pts_ = GST_CLOCK_TIME_NONE;
  spacing_ = 0;
}

// Older than two intervals; when every frame is due, than twice what the model
// can keep up with.
bool
FrameCaptions::stale (GstClockTime age, GstClockTime interval) const
{
  return age >
         2 * (interval > 0 ? interval : std::max (spacing_, last_duration_));
}

void
FrameCaptions::annotate (GstBuffer * buffer, GstClockTime interval, bool repeat)
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
  carry (buffer, held_, stale (age, interval) ? "stale" : "held");
}

FrameCaptions::Records
FrameCaptions::take_fresh ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  return std::exchange (fresh_, {});
}

FrameCaptions::Records
FrameCaptions::take_late ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  return std::exchange (late_, {});
}

FrameCaptions::Records
FrameCaptions::take_all ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  Records out = std::exchange (late_, {});
  for (Ptr<GstStructure> &each : std::exchange (fresh_, {}))
    out.push_back (std::move (each));
  return out;
}

GstClockTime
FrameCaptions::spacing () const
{
  std::lock_guard<std::mutex> lock (mutex_);
  return spacing_;
}

} // namespace gstvlm
