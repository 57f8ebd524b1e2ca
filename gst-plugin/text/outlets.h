// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/record/gstvlmrecord.h"
#include "gst-plugin/text/textoutlet.h"

#include <array>

namespace gstvlm
{

/// The request pads `text_src`, `prompt_src` and `json_src`, each there or not,
/// and what each says of a record: its text, its generation prompt, the whole
/// of it. Any thread may call any member; only wait_for_room() and flush() may
/// block, and not for long.
class Outlets
{
public:
  /// The place of one record on every pad; 0: none.
  using Places = std::array<guint64, 3>;

  Outlets ();

  /// The one of the pad template called `name`.
  TextOutlet &find (const gchar * name);
  /// The one that holds this pad; null for none.
  TextOutlet * find (GstPad * pad);

  /// As those of TextOutlet, of all pads.
  void stream_start (GstEvent * event);
  void flush (GstEvent * event);
  /// Any other that concerns text; of tags those that are not about how the
  /// video is coded.
  void pass (GstEvent * event);
  void gap (GstClockTime start, GstClockTime end);
  void wait_for_room ();
  void stop ();

  Places reserve (TextPlace place);
  /// The record shows until `end`. False when some pad had no room, nobody
  /// reading it, and something older was dropped there.
  bool fill (
      const Places &places, const CaptionRecord &record, GstClockTime end);
  /// No record comes for these places.
  void release (const Places &places);

private:
  std::array<TextOutlet, 3> pads_;
};

} // namespace gstvlm
