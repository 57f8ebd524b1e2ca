// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/picture/latepicture.h"

#include <memory>
#include <string>
#include <vector>

namespace gstvlm
{

/// A thing that upstream detected on a frame.
struct Region {
  Rectangle place;
  std::string label; ///< may be empty
  gint64 id = -1;    ///< below 0: none
};

/// What is seen there.
struct RegionPicture {
  Region region;
  GstClockTime pts;
  std::shared_ptr<LatePicture> image;
};

/// All detections on a frame, as they are there: GstVideoRegionOfInterestMeta,
/// and object detections of GstAnalytics where that was there to build with.
std::vector<Region> detections (GstBuffer * frame);

/// What is left of them inside `visible`, the largest `limit`, in order of
/// size.
struct VisibleRegions {
  std::vector<Region> regions;
  size_t left_out = 0; ///< beyond `limit`
  size_t outside = 0;  ///< nothing of them is visible
};
VisibleRegions visible_regions (
    std::vector<Region> regions, const Rectangle &visible, size_t limit);

} // namespace gstvlm
