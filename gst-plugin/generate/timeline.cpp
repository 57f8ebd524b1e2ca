// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/timeline.h"

#include <algorithm>

namespace gstvlm
{

void
Timeline::reset ()
{
  gst_segment_init (&segment_, GST_FORMAT_TIME);
  position_ = 0;
  dated_ = false;
}

Ptr<GstEvent>
Timeline::set_segment (GstEvent * event)
{
  gst_event_copy_segment (event, &segment_);
  dated_ = segment_.format == GST_FORMAT_TIME;
  if (!dated_)
    gst_segment_init (&segment_, GST_FORMAT_TIME);
  position_ = segment_.start;
  GstEvent * out = gst_event_new_segment (&segment_);
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  return Ptr<GstEvent> (out);
}

GstClockTime
Timeline::position_at (GstClockTime running_time) const
{
  if (!GST_CLOCK_TIME_IS_VALID (running_time))
    return GST_CLOCK_TIME_NONE;
  return gst_segment_position_from_running_time (
      &segment_, GST_FORMAT_TIME, running_time);
}

Timeline::Span
Timeline::place (const Prompt &prompt, GstClockTime now) const
{
  const bool has_end = GST_CLOCK_TIME_IS_VALID (prompt.duration);
  Span span{position_, GST_CLOCK_TIME_NONE, true};
  if (GST_CLOCK_TIME_IS_VALID (prompt.pts))
    span.start = std::max (span.start, prompt.pts);
  if (has_end)
    span.end =
        (GST_CLOCK_TIME_IS_VALID (prompt.pts) ? prompt.pts : span.start) +
        prompt.duration;
  if (by_clock ()) {
    const GstClockTime done = position_at (now);
    if (GST_CLOCK_TIME_IS_VALID (done))
      span.start = std::max (span.start, done);
    if (has_end)
      span.end = span.start + prompt.duration;
  }
  if (has_end)
    span.end = std::max (span.start, span.end);
  span.inside = gst_segment_clip (
      &segment_, GST_FORMAT_TIME, span.start, span.end, &span.start, &span.end);
  return span;
}

void
Timeline::advance (GstClockTime position)
{
  position_ = std::max (position_, position);
}

} // namespace gstvlm
