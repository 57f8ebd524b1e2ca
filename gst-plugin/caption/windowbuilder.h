// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/picture/regions.h"

#include <exception>
#include <memory>
#include <optional>
#include <vector>

namespace gstvlm
{

/// What is kept of a frame that is looked at, after its buffer has gone.
struct Picture {
  GstClockTime pts = 0;
  GstClockTime wall_clock = GST_CLOCK_TIME_NONE;
  std::shared_ptr<LatePicture> image;
  LumaGrid grid{}; ///< for the change gate
  std::vector<RegionPicture> regions;
};

/// A stretch of time whose frames are looked at together.
struct FrameWindow {
  GstClockTime start = 0, end = 0;
  std::vector<Picture> pictures; ///< in order of time
  std::exception_ptr error;      ///< of a frame that could not be read
  guint64 index = 0;             ///< counted from the segment's start
  std::vector<bool> taken;       ///< by part: has its frame
};

/// Gathers the frames of windows that may overlap: the first of each of a
/// window's equal parts. Windows are counted from the segment's start; one is
/// over when a frame comes that lies behind it in the direction of play.
/// Streaming thread only.
class WindowBuilder
{
public:
  struct Shape {
    GstClockTime length, step; ///< step: from begin to begin
    guint parts;
  };

  /// Drops everything.
  void reset (GstClockTime origin, bool reverse);

  /// Windows that are over when something comes at `pts`, oldest first.
  std::vector<FrameWindow> take_ended (GstClockTime pts);
  /// All, whatever they still wait for: the stream ends here.
  std::vector<FrameWindow> take_all ();

  /// Opens the windows that hold `pts`. True when one of them needs the frame.
  bool needs (GstClockTime pts, const Shape &shape);
  /// A frame that was needed, or why it could not be read.
  void add (const Picture &picture);
  void add_error (GstClockTime pts, const std::exception_ptr &error);

  /// Where the oldest open window begins; nothing when none is open.
  std::optional<GstClockTime> oldest_start () const;

private:
  bool newer (guint64 index) const;
  void open (guint64 index, const Shape &shape);
  std::vector<FrameWindow *> needing (GstClockTime pts);

  GstClockTime origin_ = 0;
  bool reverse_ = false;
  std::vector<FrameWindow> open_; ///< oldest first
  std::optional<guint64> newest_; ///< a window is opened once
};

} // namespace gstvlm
