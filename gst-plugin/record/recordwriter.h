// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/record/recordreader.h"

namespace gstvlm
{

/// Turns the frames of a video into what a sparse stream of JSON pushes: a
/// buffer for every new record, GAPs for the rest of the time. Streaming thread
/// only (or while it is stopped).
class RecordWriter
{
public:
  /// Something to push: one of the two is set.
  struct Item {
    Ptr<GstBuffer> buffer;
    Ptr<GstEvent> gap;
  };
  using Items = std::vector<Item>;

  RecordWriter () { reset (); }
  void reset ();
  /// `event` is a SEGMENT in TIME.
  void set_segment (GstEvent * event);

  Items frame (GstBuffer * frame);
  /// A record that no frame carries is dated by its arrival: never before what
  /// was pushed, never outside the segment, where sinks drop it.
  Items record (const GstStructure * record);
  /// Nothing comes between these two; empty when this is known already.
  Items gap (GstClockTime start, GstClockTime end);

private:
  std::vector<Ptr<GstStructure>> new_records (GstBuffer * frame);
  Item buffer (
      const GstStructure * record, GstClockTime pts, GstClockTime duration);

  GstSegment segment_;
  guint32 seqnum_ = GST_SEQNUM_INVALID;         ///< of the segment
  GstClockTime position_ = GST_CLOCK_TIME_NONE; ///< covered up to here
  bool discontinuity_ = true;
  std::vector<Ptr<GstStructure>> last_; ///< of the last fresh frame
};

} // namespace gstvlm
