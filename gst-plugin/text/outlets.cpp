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
Outlets::segment (GstEvent * event)
{
  for (TextOutlet &each : pads_)
    each.segment (event);
}

void
Outlets::end (GstEvent * event)
{
  for (TextOutlet &each : pads_)
    each.end (event);
}

void
Outlets::flush (GstEvent * event)
{
  for (TextOutlet &each : pads_)
    each.flush (event);
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
