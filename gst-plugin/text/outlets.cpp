// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/text/outlets.h"

#include "gst-plugin/record/structurejson.h"

namespace gstvlm
{
namespace
{

std::string
text_of (const CaptionRecord &record)
{
  return record.has_text () ? record.text : "";
}

// A record that repeats another has no answer of its own, and asks for no
// second picture.
std::string
prompt_of (const CaptionRecord &record)
{
  return record.answer ? record.answer->generation_prompt : "";
}

std::string
line_of (const CaptionRecord &record)
{
  return to_json_line (to_structure (record, kCaptionMessage).get ());
}

struct Kind {
  const char * pad;
  std::string (*line) (const CaptionRecord &record); ///< "": a GAP
};

// In the order of Outlets::pads_.
constexpr Kind kKinds[] = {
    {"text_src", text_of},
    {"prompt_src", prompt_of},
    {"json_src", line_of},
};

// A muxer would take them for what the text is coded in. Null when nothing is
// left.
Ptr<GstEvent>
tags_of_text (GstEvent * event)
{
  GstTagList * tags;
  gst_event_parse_tag (event, &tags);
  tags = gst_tag_list_copy (tags);
  for (const char * each : {GST_TAG_CODEC, GST_TAG_VIDEO_CODEC,
           GST_TAG_CONTAINER_FORMAT, GST_TAG_ENCODER, GST_TAG_ENCODER_VERSION,
           GST_TAG_BITRATE, GST_TAG_NOMINAL_BITRATE, GST_TAG_MINIMUM_BITRATE,
           GST_TAG_MAXIMUM_BITRATE, GST_TAG_IMAGE_ORIENTATION})
    gst_tag_list_remove_tag (tags, each);
  if (gst_tag_list_is_empty (tags)) {
    gst_tag_list_unref (tags);
    return nullptr;
  }
  Ptr<GstEvent> out (gst_event_new_tag (tags));
  gst_event_set_seqnum (out.get (), gst_event_get_seqnum (event));
  return out;
}

} // namespace

Outlets::Outlets ()
    : pads_{
          TextOutlet ("/text"), TextOutlet ("/prompt"), TextOutlet ("/records")}
{
}

TextOutlet &
Outlets::find (const gchar * name)
{
  size_t i = 0;
  while (g_strcmp0 (kKinds[i].pad, name) != 0)
    ++i;
  return pads_[i];
}

TextOutlet *
Outlets::find (GstPad * pad)
{
  for (TextOutlet &each : pads_)
    if (each.pad ().get () == pad)
      return &each;
  return nullptr;
}

void
Outlets::stream_start (GstEvent * event)
{
  for (TextOutlet &each : pads_)
    each.stream_start (event);
}

void
Outlets::flush (GstEvent * event)
{
  for (TextOutlet &each : pads_)
    each.flush (event);
}

void
Outlets::pass (GstEvent * event)
{
  const Ptr<GstEvent> own = GST_EVENT_TYPE (event) == GST_EVENT_TAG
                                ? tags_of_text (event)
                                : Ptr<GstEvent> (gst_event_ref (event));
  if (!own)
    return;
  for (TextOutlet &each : pads_)
    each.pass (own.get ());
}

void
Outlets::gap (GstClockTime start, GstClockTime end)
{
  for (TextOutlet &each : pads_)
    each.gap (start, end);
}

void
Outlets::wait_for_room ()
{
  for (TextOutlet &each : pads_)
    each.wait_for_room ();
}

void
Outlets::stop ()
{
  for (TextOutlet &each : pads_)
    each.stop ();
}

Outlets::Places
Outlets::reserve (TextPlace place)
{
  Places places;
  for (size_t i = 0; i < pads_.size (); ++i)
    places[i] = pads_[i].reserve (place);
  return places;
}

bool
Outlets::fill (
    const Places &places, const CaptionRecord &record, GstClockTime end)
{
  bool room = true;
  for (size_t i = 0; i < pads_.size (); ++i) {
    if (!places[i])
      continue;
    const std::string line = kKinds[i].line (record);
    if (line.empty ())
      pads_[i].release (places[i]);
    else
      room &= pads_[i].fill (places[i], line, record.pts, end);
  }
  return room;
}

void
Outlets::release (const Places &places)
{
  for (size_t i = 0; i < pads_.size (); ++i)
    pads_[i].release (places[i]);
}

} // namespace gstvlm
