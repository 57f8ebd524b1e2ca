// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include "gst-plugin/gstptr.h"

#include <array>
#include <vector>

namespace gstvlm
{

constexpr int kGridColumns = 32, kGridRows = 18;

/// Mean brightness of the picture's cells, row by row.
using LumaGrid = std::array<guint8, kGridColumns * kGridRows>;

/// Copies what the model needs out of a frame, so that the frame can be let go
/// at once. Honours strides, colorimetry, crop meta and (for image()) the pixel
/// aspect ratio. Streaming thread only.
class FrameReader
{
public:
  /// The caps of the frames to come.
  void set_info (const GstVideoInfo &info);
  const GstVideoInfo &info () const { return info_; }

  /// The visible picture as RGB with square pixels: the longer way is
  /// stretched. Error(Data) when the buffer is not what its caps say or the
  /// stretched picture is too large.
  vlm::Image image (GstBuffer * buffer);

  /// Error(Data) as above.
  LumaGrid luma (GstBuffer * buffer);

private:
  struct Rectangle {
    gint x, y, width, height;
    bool operator== (const Rectangle &o) const
    {
      return x == o.x && y == o.y && width == o.width && height == o.height;
    }
  };
  // A converter and what it was made for.
  struct Path {
    Ptr<GstVideoConverter> converter;
    GstVideoInfo from, to;
    Rectangle source;
  };

  static Rectangle visible (const GstVideoFrame &frame, GstBuffer * buffer);
  void prepare (const GstVideoInfo &from, const Rectangle &source, gint width,
      gint height);
  void convert (GstVideoFrame * frame, guint8 * target);

  GstVideoInfo info_;
  Path path_;
  std::vector<guint64> line_; ///< room for one unpacked row
};

} // namespace gstvlm
