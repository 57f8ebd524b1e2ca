// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/error.h"
#include "model/vision/image.h"

#include "gst-plugin/base/gstptr.h"

#include <array>
#include <vector>

namespace gstvlm
{

constexpr int kGridColumns = 32, kGridRows = 18;

/// Mean brightness of the picture's cells, row by row.
using LumaGrid = std::array<guint8, kGridColumns * kGridRows>;

/// A frame cannot be read: it is not what its caps say, or of no use.
class FrameError : public vlm::Error
{
public:
  using vlm::Error::Error;
};

/// A part of a picture, in pixels.
struct Rectangle {
  gint x, y, width, height;

  bool empty () const { return width <= 0 || height <= 0; }
  /// What of it lies in `other`; may be empty.
  Rectangle within (const Rectangle &other) const;
  bool operator== (const Rectangle &o) const
  {
    return x == o.x && y == o.y && width == o.width && height == o.height;
  }
};

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
  /// stretched. With `longest` above 0 no side is longer than that. Throws
  /// FrameError when the buffer is not what its caps say or the stretched
  /// picture is too large.
  vlm::Image image (GstBuffer * buffer, gint longest = 0);

  /// The same of a part, which is not empty and lies in visible().
  vlm::Image image (GstBuffer * buffer, const Rectangle &part);

  /// Where the visible picture lies in the frame.
  Rectangle visible (GstBuffer * buffer) const;

  /// Throws FrameError as above.
  LumaGrid luma (GstBuffer * buffer);

private:
  // A converter and what it was made for.
  struct Path {
    Ptr<GstVideoConverter> converter;
    GstVideoInfo from, to;
    Rectangle source;
  };

  vlm::Image read (
      GstBuffer * buffer, const Rectangle &source, Path &path, gint longest);
  void add_unpacked_row (
      GstVideoFrame * frame, const Rectangle &source, gint y, int * sums);
  static void prepare (Path &path, const GstVideoInfo &from,
      const Rectangle &source, gint width, gint height);
  static void convert (Path &path, GstVideoFrame * frame, guint8 * target);

  GstVideoInfo info_;
  Path whole_, part_;         ///< of visible pictures; of the last part of one
  std::vector<guint64> line_; ///< room for one unpacked row
};

} // namespace gstvlm
