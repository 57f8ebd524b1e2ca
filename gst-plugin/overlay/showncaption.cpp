// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/overlay/showncaption.h"

#include "gst-plugin/record/recordreader.h"

#include <utility>

namespace gstvlm
{
namespace
{

// A record and the meta that holds it.
struct Carried {
  const GstStructure * meta = nullptr;
  const GstStructure * record = nullptr;
};

// What is said about a region alone is no caption of the picture.
bool
can_show (const GstStructure * record)
{
  const gchar * text = gst_structure_get_string (record, "text");
  return text && *text && !gst_structure_has_field (record, "region");
}

// Of records of the same time the one that was delivered last.
Carried
newest_of (GstBuffer * frame)
{
  Carried newest;
  for (const GstStructure * meta : caption_metas (frame))
    for (const GstStructure * record : records_of (meta))
      if (can_show (record) &&
          (!newest.record ||
              time_of (record, "pts") >= time_of (newest.record, "pts")))
        newest = {meta, record};
  return newest;
}

CaptionState
state_of (const GstStructure * meta)
{
  const gchar * state = gst_structure_get_string (meta, "state");
  if (g_strcmp0 (state, "stale") == 0)
    return CaptionState::Stale;
  return g_strcmp0 (state, "held") == 0 ? CaptionState::Held
                                        : CaptionState::Fresh;
}

ShownCaption
shown (const GstStructure * record, CaptionState state, GstClockTime age)
{
  ShownCaption out{
      gst_structure_get_string (record, "text"), state, age, std::nullopt};
  gdouble confidence;
  if (gst_structure_get_double (record, "confidence", &confidence))
    out.confidence = confidence;
  return out;
}

GstClockTime
distance (GstClockTime a, GstClockTime b)
{
  if (!GST_CLOCK_TIME_IS_VALID (a) || !GST_CLOCK_TIME_IS_VALID (b))
    return 0;
  return a > b ? a - b : b - a;
}

} // namespace

void
CaptionChooser::note (const GstStructure * record)
{
  if (!can_show (record))
    return;
  event_ = bare_record (record);
  event_shown_ = false;
}

std::optional<ShownCaption>
CaptionChooser::choose (GstBuffer * frame)
{
  const Carried newest = newest_of (frame);
  if (newest.record && event_ &&
      time_of (newest.record, "pts") >= time_of (event_.get (), "pts"))
    event_.reset ();
  if (event_)
    return from_event (frame);
  if (!newest.record)
    return std::nullopt;
  const GstClockTime age = time_of (newest.meta, "age");
  return shown (newest.record, state_of (newest.meta),
      GST_CLOCK_TIME_IS_VALID (age) ? age : 0);
}

// Held, and stale once it is older than twice the time that it was made for.
ShownCaption
CaptionChooser::from_event (GstBuffer * frame)
{
  const GstStructure * record = event_.get ();
  const GstClockTime age =
      distance (GST_BUFFER_PTS (frame), time_of (record, "pts"));
  const GstClockTime duration = time_of (record, "duration");
  const bool old = GST_CLOCK_TIME_IS_VALID (duration) && age / 2 > duration;
  const CaptionState later = old ? CaptionState::Stale : CaptionState::Held;
  return shown (record,
      std::exchange (event_shown_, true) ? later : CaptionState::Fresh, age);
}

} // namespace gstvlm
