// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <optional>

namespace gstvlm
{

/// Which frames are due: the first of every `interval` of PTS, counted from the
/// segment's start, so that results do not depend on the machine's speed or on
/// the frame rate. Streaming thread only.
class Schedule
{
public:
  struct Window {
    GstClockTime start, end;
  };

  void reset (GstClockTime origin, bool reverse)
  {
    origin_ = origin;
    reverse_ = reverse;
    last_.reset ();
  }

  /// The window that the frame at `pts` opens; nothing when its window was
  /// served already or it lies before the segment. With interval 0 every frame
  /// is a window of its own.
  std::optional<Window> due (
      GstClockTime pts, GstClockTime duration, GstClockTime interval)
  {
    if (pts < origin_)
      return std::nullopt;
    if (interval == 0)
      return last_ = Window{pts, pts + duration};
    if (last_ && !left (pts, interval))
      return std::nullopt;
    const GstClockTime start = origin_ + (pts - origin_) / interval * interval;
    return last_ = Window{start, start + interval};
  }

private:
  // Left in the direction of play, or by a jump of more than a window against
  // it: timestamps that merely jitter around a border do not open a window
  // twice.
  bool left (GstClockTime pts, GstClockTime interval) const
  {
    const GstClockTime slack_back = reverse_ ? 0 : interval;
    const GstClockTime slack_on = reverse_ ? interval : 0;
    return pts + slack_back < last_->start || pts >= last_->end + slack_on;
  }

  GstClockTime origin_ = 0;
  bool reverse_ = false;
  std::optional<Window> last_;
};

} // namespace gstvlm
