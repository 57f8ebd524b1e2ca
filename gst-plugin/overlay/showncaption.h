// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"

#include <optional>
#include <string>

namespace gstvlm
{

enum class CaptionState { Fresh, Held, Stale };

/// What there is to show on one frame.
struct ShownCaption {
  std::string text; ///< never empty
  CaptionState state;
  GstClockTime age; ///< how far the analysed frame is back
  std::optional<double> confidence;
};

/// Finds the newest caption for a frame: of the records that the frame carries
/// and the last one that came as an event. Streaming thread only (or while it
/// is stopped).
class CaptionChooser
{
public:
  void reset () { event_.reset (); }

  /// A record that no frame carries: it holds until a newer one comes.
  void note (const GstStructure * record);

  /// Nothing without a caption, or when the newest is empty.
  std::optional<ShownCaption> choose (GstBuffer * frame);

private:
  ShownCaption from_event (GstBuffer * frame);

  Ptr<GstStructure> event_; ///< null without one
  bool event_shown_ = false;
};

} // namespace gstvlm
