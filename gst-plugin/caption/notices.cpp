// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/notices.h"

#include <utility>

namespace gstvlm
{

void
Notices::reset ()
{
  failures_.reset ();
  warned_left_out_ = warned_late_ = warned_unread_ = false;
  warned_undated_ = warned_outside_ = false;
  last_qos_ = 0;
  qos_.reset ();
}

void
Notices::left_out (const Job &job)
{
  if (job.images_left_out == 0 || warned_left_out_.exchange (true))
    return;
  const size_t kept = job.record.frames.size ();
  const std::string text =
      "The model's context has no room for " +
      std::to_string (kept + job.images_left_out) +
      " frames of a window, the question and max-tokens: " +
      std::to_string (kept) + " are used.";
  post_warning (
      element_, {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, text});
}

// Sinks throw late buffers away without a word about the cause.
void
Notices::late (const Job &job)
{
  const GstClockTime taken = job.gathered + job.age ();
  if (!job.record.has_text () || taken <= job.latency ||
      warned_late_.exchange (true))
    return;
  const std::string text = "An answer came " + std::to_string (taken) +
                           " ns behind its video, latency is " +
                           std::to_string (job.latency) +
                           ": sinks take it and others like it as late.";
  post_warning (
      element_, {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, text});
}

void
Notices::unread ()
{
  if (!warned_unread_.exchange (true))
    post_warning (element_,
        {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
            "Nobody reads a request pad in time: its oldest buffer was "
            "dropped, and others may be. A sink that shows text by latency "
            "needs a queue before it that holds so much."});
}

void
Notices::undated ()
{
  if (!std::exchange (warned_undated_, true))
    GST_ELEMENT_WARNING (element_, STREAM, FORMAT,
        ("Video without timestamps cannot be captioned."),
        ("a buffer has no PTS; it and others like it pass unanalysed"));
}

void
Notices::regions (const CaptionStream::RegionTotals &totals)
{
  if (totals.outside > 0 && !std::exchange (warned_outside_, true))
    GST_ELEMENT_WARNING (element_, STREAM, FORMAT,
        ("A detected region is empty or outside of the picture."),
        ("it and others like it are not asked about"));
}

void
Notices::dropped (
    const Moment &moment, const CaptionStream &stream, const Counters &counters)
{
  const gint64 now = g_get_monotonic_time ();
  if (last_qos_ && now - last_qos_ < G_USEC_PER_SEC)
    return;
  last_qos_ = now;
  const GstSegment &segment = stream.segment ();
  qos_.reset (gst_message_new_qos (GST_OBJECT (element_), stream.live (),
      gst_segment_to_running_time (&segment, GST_FORMAT_TIME, moment.pts),
      gst_segment_to_stream_time (&segment, GST_FORMAT_TIME, moment.pts),
      moment.pts, moment.duration));
  gst_message_set_qos_values (qos_.get (), 0, 1.0, 1000000);
  gst_message_set_qos_stats (qos_.get (), GST_FORMAT_BUFFERS,
      counters.answered + counters.skipped, counters.dropped);
}

void
Notices::after_push ()
{
  if (qos_)
    gst_element_post_message (element_, qos_.release ());
}

} // namespace gstvlm
