// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/base/gstptr.h"
#include "model/vision/image.h"

namespace gstvlm
{

/// Pictures as buffers of the caps that downstream asked for. Not synchronised.
class PictureWriter
{
public:
  /// Caps with nothing left open: what is free becomes RGB, the size that the
  /// model was made for, and no frame rate. Null when `allowed` is empty.
  static Ptr<GstCaps> choose (const GstCaps * allowed, gint default_size);

  /// False when they are none of raw video, or are seen larger than any model
  /// paints.
  bool set_caps (const GstCaps * caps);
  bool has_caps () const { return ready_; }

  /// The model paints multiples of 8: the next ones, of the picture as it is
  /// seen. Pictures are cropped, alike on both sides, and scaled where pixels
  /// are not square.
  int painted_width () const;
  int painted_height () const;

  /// Where the frame number `n` begins; 0 without a frame rate.
  GstClockTime time_of (guint64 n) const;
  bool has_rate () const { return info_.fps_n > 0; }

  /// One of another size, painted before the caps changed, is scaled. Throws
  /// Error(Unsupported) for a format that GStreamer cannot convert to.
  Ptr<GstBuffer> write (const vlm::Image &image) const;

private:
  int seen_width () const;
  int seen_height () const;

  GstVideoInfo info_{};
  bool ready_ = false;
};

/// A picture as it was painted, with its caps.
GstSample * sample_of (const vlm::Image &image);

} // namespace gstvlm
