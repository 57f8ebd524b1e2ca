// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/framereader.h"

#include "model/core/error.h"

#include <string>

namespace gstvlm
{
namespace
{

// Samples per cell and direction of the luma grid.
constexpr int kSamples = 8;

constexpr gint kLargestSide = 32767;

// Size of the picture with square pixels.
void
square_pixels (const GstVideoInfo & info, gint & width, gint & height)
{
  const gint n = GST_VIDEO_INFO_PAR_N (&info), d = GST_VIDEO_INFO_PAR_D (&info);
  if (n <= 0 || d <= 0 || n == d)
    return;
  gint & side = n > d ? width : height;
  const guint64 stretched = n > d ? gst_util_uint64_scale (width, n, d)
                                  : gst_util_uint64_scale (height, d, n);
  if (stretched > kLargestSide)
    vlm::fail (vlm::ErrorCategory::Data, "a ", width, "x", height,
        " frame with pixel-aspect-ratio ", n, "/", d, " is too large");
  side = static_cast<gint> (stretched);
}

[[noreturn]] void
refuse (const GstVideoInfo & info, GstBuffer * buffer)
{
  vlm::fail (vlm::ErrorCategory::Data, "a buffer of ",
      gst_buffer_get_size (buffer), " bytes is no ",
      gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&info)), " frame of ",
      GST_VIDEO_INFO_WIDTH (&info), "x", GST_VIDEO_INFO_HEIGHT (&info));
}

// Rows without padding, whatever GStreamer's default is.
GstVideoInfo
packed_info (
    const GstVideoInfo & from, GstVideoFormat format, gint width, gint height)
{
  GstVideoInfo to;
  gst_video_info_init (&to);
  gst_video_info_set_format (&to, format, width, height);
  to.interlace_mode = from.interlace_mode; // converters refuse a change
  to.fps_n = from.fps_n;
  to.fps_d = from.fps_d;
  to.stride[0] = width * (format == GST_VIDEO_FORMAT_RGB ? 3 : 1);
  to.size = static_cast<gsize> (to.stride[0]) * height;
  return to;
}

} // namespace

void
FrameReader::set_info (const GstVideoInfo & info)
{
  info_ = info;
  image_.converter.reset ();
  luma_.converter.reset ();
}

FrameReader::Rectangle
FrameReader::visible (const GstVideoFrame & frame, GstBuffer * buffer)
{
  const gint width = GST_VIDEO_FRAME_WIDTH (&frame);
  const gint height = GST_VIDEO_FRAME_HEIGHT (&frame);
  const GstVideoCropMeta * crop = gst_buffer_get_video_crop_meta (buffer);
  if (!crop || crop->width == 0 || crop->height == 0 ||
      static_cast<guint64> (crop->x) + crop->width >
          static_cast<guint> (width) ||
      static_cast<guint64> (crop->y) + crop->height >
          static_cast<guint> (height))
    return {0, 0, width, height};
  return {static_cast<gint> (crop->x), static_cast<gint> (crop->y),
      static_cast<gint> (crop->width), static_cast<gint> (crop->height)};
}

void
FrameReader::prepare (Path & path, const GstVideoInfo & from,
    const Rectangle & source, GstVideoFormat format, gint width, gint height)
{
  if (path.converter && gst_video_info_is_equal (&path.from, &from) &&
      path.source == source)
    return;
  const bool nearest = format == GST_VIDEO_FORMAT_GRAY8;
  path.from = from;
  path.source = source;
  path.to = packed_info (from, format, width, height);
  GstStructure * options =
      gst_structure_new ("options", GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT,
          source.x, GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, source.y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, source.width,
          GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, source.height,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
          GST_VIDEO_DITHER_NONE, GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
          GST_TYPE_VIDEO_RESAMPLER_METHOD,
          nearest ? GST_VIDEO_RESAMPLER_METHOD_NEAREST
                  : GST_VIDEO_RESAMPLER_METHOD_CUBIC,
          NULL);
  path.converter.reset (
      gst_video_converter_new (&path.from, &path.to, options));
  if (!path.converter)
    vlm::fail (vlm::ErrorCategory::Unsupported, "video format ",
        gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&from)),
        " cannot be converted");
}

void
FrameReader::convert (Path & path, GstVideoFrame * frame, guint8 * target)
{
  Ptr<GstBuffer> wrapped (
      gst_buffer_new_wrapped_full (static_cast<GstMemoryFlags> (0), target,
          path.to.size, 0, path.to.size, NULL, NULL));
  MappedFrame out (path.to, wrapped.get (), GST_MAP_WRITE);
  if (!out)
    vlm::fail (vlm::ErrorCategory::Failed, "cannot map the converted picture");
  gst_video_converter_frame (path.converter.get (), frame, out.get ());
}

vlm::Image
FrameReader::image (GstBuffer * buffer)
{
  MappedFrame frame (info_, buffer, GST_MAP_READ);
  if (!frame)
    refuse (info_, buffer);
  const Rectangle source = visible (*frame.get (), buffer);
  vlm::Image out;
  out.width = source.width;
  out.height = source.height;
  square_pixels (info_, out.width, out.height);
  prepare (image_, frame.get ()->info, source, GST_VIDEO_FORMAT_RGB, out.width,
      out.height);
  out.rgb.resize (image_.to.size);
  convert (image_, frame.get (), out.rgb.data ());
  return out;
}

LumaGrid
FrameReader::luma (GstBuffer * buffer)
{
  MappedFrame frame (info_, buffer, GST_MAP_READ);
  if (!frame)
    refuse (info_, buffer);
  constexpr int width = kGridColumns * kSamples, height = kGridRows * kSamples;
  prepare (luma_, frame.get ()->info, visible (*frame.get (), buffer),
      GST_VIDEO_FORMAT_GRAY8, width, height);
  std::array<guint8, width * height> samples;
  convert (luma_, frame.get (), samples.data ());

  std::array<int, kGridColumns * kGridRows> sums{};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      sums[y / kSamples * kGridColumns + x / kSamples] +=
          samples[y * width + x];
  LumaGrid grid;
  for (size_t i = 0; i < grid.size (); ++i)
    grid[i] = static_cast<guint8> (sums[i] / (kSamples * kSamples));
  return grid;
}

} // namespace gstvlm
