// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/generate/promptqueue.h"

namespace gstvlm
{

/// When pictures are shown. By the prompts' times, or, behind live sources, for
/// text that is no stream in TIME and for prompts without a stream, by the
/// clock: from when they are done. Not synchronised.
class Timeline
{
public:
  Timeline () { reset (); }
  /// As before any segment.
  void reset ();
  /// Of upstream. Returns the one for downstream: the same, or one in TIME.
  Ptr<GstEvent> set_segment (GstEvent * event);
  /// Behind a live source.
  void set_live (bool live) { live_ = live; }

  /// Whether time passes by itself.
  bool by_clock () const { return live_ || !dated_; }

  struct Span {
    GstClockTime start, end; ///< end: none when nothing says
    bool inside;             ///< of the segment
  };
  /// Of a picture that is done at the running time `now` (none: no clock).
  Span place (const Prompt &prompt, GstClockTime now) const;
  /// A running time as a position in the segment.
  GstClockTime position_at (GstClockTime running_time) const;

  /// Everything before this was sent.
  GstClockTime position () const { return position_; }
  void advance (GstClockTime position);

private:
  GstSegment segment_;
  GstClockTime position_;
  bool dated_; ///< upstream's segment is in TIME
  bool live_ = false;
};

} // namespace gstvlm
