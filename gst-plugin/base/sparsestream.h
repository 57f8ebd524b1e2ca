// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"

#include <string>

namespace gstvlm
{

/// The STREAM_START of a sparse stream that is made from a video: its id is the
/// video's with `suffix`, group and seqnum are the video's.
inline Ptr<GstEvent>
sparse_stream_start (GstEvent * video, const char * suffix)
{
  const gchar * video_id;
  gst_event_parse_stream_start (video, &video_id);
  const std::string id = std::string (video_id) + suffix;
  GstEvent * event = gst_event_new_stream_start (id.c_str ());
  guint group;
  if (gst_event_parse_group_id (video, &group))
    gst_event_set_group_id (event, group);
  gst_event_set_stream_flags (event, GST_STREAM_FLAG_SPARSE);
  gst_event_set_seqnum (event, gst_event_get_seqnum (video));
  return Ptr<GstEvent> (event);
}

} // namespace gstvlm
