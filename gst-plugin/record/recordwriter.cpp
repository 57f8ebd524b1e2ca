// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/record/recordwriter.h"

#include "gst-plugin/record/structurejson.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

using Records = std::vector<Ptr<GstStructure>>;

Records
fresh_records (GstBuffer * frame)
{
  Records out;
  for (const GstStructure * meta : caption_metas (frame))
    if (is_fresh (meta))
      for (const GstStructure * record : records_of (meta))
        out.push_back (bare_record (record));
  return out;
}

bool
holds (const Records &records, const GstStructure * record)
{
  return std::any_of (records.begin (), records.end (),
      [record] (const Ptr<GstStructure> &each) {
        return gst_structure_is_equal (each.get (), record);
      });
}

// Without a duration a frame vouches for its own moment only.
GstClockTime
end_of (GstClockTime pts, GstClockTime duration)
{
  return GST_CLOCK_TIME_IS_VALID (duration) ? pts + duration : pts;
}

} // namespace

void
RecordWriter::reset ()
{
  gst_segment_init (&segment_, GST_FORMAT_TIME);
  position_ = GST_CLOCK_TIME_NONE;
  discontinuity_ = true;
  last_.clear ();
}

void
RecordWriter::set_segment (GstEvent * event)
{
  gst_event_copy_segment (event, &segment_);
  seqnum_ = gst_event_get_seqnum (event);
  position_ = segment_.rate > 0 ? segment_.start : GST_CLOCK_TIME_NONE;
}

// A frame that was doubled on its way, as videorate does, carries its records
// twice.
Records
RecordWriter::new_records (GstBuffer * frame)
{
  Records fresh = fresh_records (frame), out;
  for (const Ptr<GstStructure> &record : fresh)
    if (!holds (last_, record.get ()))
      out.emplace_back (gst_structure_copy (record.get ()));
  if (!fresh.empty ())
    last_ = std::move (fresh);
  return out;
}

RecordWriter::Items
RecordWriter::frame (GstBuffer * frame)
{
  const GstClockTime pts = GST_BUFFER_PTS (frame);
  const GstClockTime duration = GST_BUFFER_DURATION (frame);
  const bool dated = GST_CLOCK_TIME_IS_VALID (pts);
  const Records records = new_records (frame);
  if (records.empty ())
    return dated ? gap (pts, end_of (pts, duration)) : Items ();
  Items out = dated ? gap (pts, pts) : Items ();
  for (const Ptr<GstStructure> &record : records)
    out.push_back (buffer (record.get (), pts, duration));
  if (dated && segment_.rate > 0)
    position_ = std::max (position_, end_of (pts, duration));
  return out;
}

RecordWriter::Items
RecordWriter::record (const GstStructure * record)
{
  const Ptr<GstStructure> bare = bare_record (record);
  GstClockTime pts = time_of (record, "pts");
  GstClockTime duration = time_of (record, "duration");
  if (GST_CLOCK_TIME_IS_VALID (position_))
    pts = GST_CLOCK_TIME_IS_VALID (pts) ? std::max (pts, position_) : position_;
  if (GST_CLOCK_TIME_IS_VALID (pts) &&
      GST_CLOCK_TIME_IS_VALID (segment_.stop) && pts >= segment_.stop)
    pts = segment_.stop - std::min<GstClockTime> (segment_.stop, 1);
  Items out;
  out.push_back (buffer (bare.get (), pts, duration));
  return out;
}

RecordWriter::Items
RecordWriter::gap (GstClockTime start, GstClockTime end)
{
  if (segment_.rate > 0)
    start = std::exchange (position_, std::max (position_, end));
  Items out;
  if (start >= end)
    return out;
  GstEvent * event = gst_event_new_gap (start, end - start);
  if (seqnum_ != GST_SEQNUM_INVALID)
    gst_event_set_seqnum (event, seqnum_);
  out.push_back ({nullptr, Ptr<GstEvent> (event)});
  return out;
}

RecordWriter::Item
RecordWriter::buffer (
    const GstStructure * record, GstClockTime pts, GstClockTime duration)
{
  const std::string line = to_json_line (record);
  GstBuffer * out = gst_buffer_new_memdup (line.data (), line.size ());
  GST_BUFFER_PTS (out) = pts;
  GST_BUFFER_DURATION (out) = duration;
  if (std::exchange (discontinuity_, false))
    GST_BUFFER_FLAG_SET (out, GST_BUFFER_FLAG_DISCONT);
  return {Ptr<GstBuffer> (out), nullptr};
}

} // namespace gstvlm
