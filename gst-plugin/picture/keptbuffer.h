// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"

namespace gstvlm
{

/// A buffer of its own over the memory of `buffer`, which itself stays
/// writable: metas are going to be added to it.
Ptr<GstBuffer> shared_copy (GstBuffer * buffer);

/// What of a frame can be kept for long: its memory is shared with the video,
/// but copied when it is from a pool with a limit, which could run dry.
Ptr<GstBuffer> keepable (GstBuffer * buffer);

} // namespace gstvlm
