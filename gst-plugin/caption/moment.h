// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/caption/changegate.h"
#include "gst-plugin/caption/schedule.h"
#include "gst-plugin/picture/regions.h"
#include "gst-plugin/tokens/tokensmeta.h"

#include <functional>
#include <memory>
#include <vector>

namespace gstvlm
{

/// What one set of questions is about: a frame that is due, or the frames of a
/// window that is over.
struct Moment {
  GstClockTime pts, duration; ///< of its records and their texts
  GstClockTime gathered = 0;  ///< how long after `pts` it is due
  Schedule::Window window;
  GstClockTime wall_clock;
  std::vector<GstClockTime> frames;
  std::shared_ptr<const Tokens> tokens; ///< of a frame; may be null
  /// Called when they are needed only; all may throw.
  std::function<LumaGrid ()> grid;
  std::function<LatePictures ()> images;
  std::function<std::vector<RegionPicture> ()> regions;
};

} // namespace gstvlm
