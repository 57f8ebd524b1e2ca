// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <functional>
#include <mutex>

namespace gstvlm
{

/// A pipeline sends the same seek to the sink of the video and to those of the
/// text: one goes on. Any thread.
class SeekOnce
{
public:
  /// Takes the event and gives it to `send`, which takes it, when it comes for
  /// the first time. Returns what `send` returned then; true as long as it
  /// runs.
  gboolean pass (
      GstEvent * seek, const std::function<gboolean (GstEvent *)> &send);

private:
  std::mutex mutex_;
  guint32 seqnum_ = GST_SEQNUM_INVALID;
  gboolean result_ = TRUE;
};

} // namespace gstvlm
