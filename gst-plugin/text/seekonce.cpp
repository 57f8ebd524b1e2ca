// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/text/seekonce.h"

#include <utility>

namespace gstvlm
{

gboolean
SeekOnce::pass (
    GstEvent * seek, const std::function<gboolean (GstEvent *)> &send)
{
  {
    std::lock_guard<std::mutex> lock (mutex_);
    const guint32 seqnum = gst_event_get_seqnum (seek);
    if (std::exchange (seqnum_, seqnum) == seqnum) {
      gst_event_unref (seek);
      return result_;
    }
    result_ = TRUE;
  }
  const gboolean result = send (seek);
  std::lock_guard<std::mutex> lock (mutex_);
  return result_ = result;
}

} // namespace gstvlm
