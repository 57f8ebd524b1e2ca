// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"

namespace gstvlm
{

/// What outlives a frame's way through the element, for all who need it: made
/// once, when the first asks for it. Streaming thread only.
class FrameKeeper
{
public:
  /// A frame comes. `buffer` is upstream's own: the base class copies one that
  /// is shared, and the copy does not tell where its memory belongs.
  void arrived (GstBuffer * buffer);
  /// Lets the frame go, as far as nobody else keeps it.
  void left () { kept_.reset (); }

  /// A buffer with the metas that `buffer`, the frame, has by now. The memory
  /// is the video's where nobody waits for that; else it is a copy: a pool with
  /// a limit, or a device, would run dry.
  Ptr<GstBuffer> keep (GstBuffer * buffer);

private:
  bool borrowed_ = false; ///< the memory goes back to somebody
  Ptr<GstBuffer> kept_;
};

} // namespace gstvlm
