// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/picture/framereader.h"

#include <algorithm>
#include <sstream>
#include <string>

namespace gstvlm
{
namespace
{

// Rows that are looked at per row of the grid: what the gate costs.
constexpr int kRowSamples = 4;
// Columns, too: a pixel of every so many.
constexpr int kColumnSamples = 16;
// Some formats are unpacked in groups that may reach beyond the row.
constexpr int kSlack = 64;

constexpr gint kLargestSide = 32767;

template <typename... Parts>
[[noreturn]] void
unreadable (vlm::ErrorCategory category, const Parts &... parts)
{
  std::ostringstream message;
  (message << ... << parts);
  throw FrameError (category, message.str ());
}

// Size of the picture with square pixels.
void
square_pixels (const GstVideoInfo &info, gint &width, gint &height)
{
  const gint n = GST_VIDEO_INFO_PAR_N (&info), d = GST_VIDEO_INFO_PAR_D (&info);
  if (n <= 0 || d <= 0 || n == d)
    return;
  gint &side = n > d ? width : height;
  const guint64 stretched = n > d ? gst_util_uint64_scale (width, n, d)
                                  : gst_util_uint64_scale (height, d, n);
  if (stretched > kLargestSide)
    unreadable (vlm::ErrorCategory::Data, "a ", width, "x", height,
        " frame with pixel-aspect-ratio ", n, "/", d, " is too large");
  side = static_cast<gint> (stretched);
}

// So that no side is longer.
void
shrink (gint longest, gint &width, gint &height)
{
  const gint side = MAX (width, height);
  if (longest <= 0 || side <= longest)
    return;
  width = MAX (1, gst_util_uint64_scale_int_round (width, longest, side));
  height = MAX (1, gst_util_uint64_scale_int_round (height, longest, side));
}

[[noreturn]] void
refuse (const GstVideoInfo &info, GstBuffer * buffer)
{
  unreadable (vlm::ErrorCategory::Data, "a buffer of ",
      gst_buffer_get_size (buffer), " bytes is no ",
      gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&info)), " frame of ",
      GST_VIDEO_INFO_WIDTH (&info), "x", GST_VIDEO_INFO_HEIGHT (&info));
}

// Rows without padding, whatever GStreamer's default is.
GstVideoInfo
packed_rgb (const GstVideoInfo &from, gint width, gint height)
{
  GstVideoInfo to;
  gst_video_info_init (&to);
  gst_video_info_set_format (&to, GST_VIDEO_FORMAT_RGB, width, height);
  to.interlace_mode = from.interlace_mode; // converters refuse a change
  to.fps_n = from.fps_n;
  to.fps_d = from.fps_d;
  to.stride[0] = width * 3;
  to.size = static_cast<gsize> (to.stride[0]) * height;
  return to;
}

// Eight bits of brightness of an unpacked pixel: alpha, then YUV or RGB.
template <typename Component>
int
brightness (const Component * pixel, bool rgb)
{
  const int shift = 8 * (sizeof (Component) - 1);
  const int value =
      rgb ? (2 * pixel[1] + 5 * pixel[2] + pixel[3]) / 8 : pixel[1];
  return value >> shift;
}

// Adds one row's samples to the sums of its cells; `at` tells the brightness at
// a place.
template <typename At>
void
add_row (gint width, int * sums, const At &at)
{
  constexpr int count = kGridColumns * kColumnSamples;
  for (int i = 0; i < count; ++i)
    sums[i / kColumnSamples] +=
        at (static_cast<gint> ((2 * i + 1) * gint64{width} / (2 * count)));
}

// True where brightness lies as it is, a byte a pixel.
bool
has_bytes_of_luma (const GstVideoFormatInfo * format)
{
  constexpr int other = GST_VIDEO_FORMAT_FLAG_COMPLEX |
                        GST_VIDEO_FORMAT_FLAG_TILED |
                        GST_VIDEO_FORMAT_FLAG_PALETTE;
  return (GST_VIDEO_FORMAT_INFO_IS_YUV (format) ||
             GST_VIDEO_FORMAT_INFO_IS_GRAY (format)) &&
         (GST_VIDEO_FORMAT_INFO_FLAGS (format) & other) == 0 &&
         GST_VIDEO_FORMAT_INFO_DEPTH (format, 0) == 8 &&
         GST_VIDEO_FORMAT_INFO_SHIFT (format, 0) == 0;
}

} // namespace

Rectangle
Rectangle::within (const Rectangle &other) const
{
  const auto right = [] (const Rectangle &r) { return gint64{r.x} + r.width; };
  const auto lower = [] (const Rectangle &r) { return gint64{r.y} + r.height; };
  const gint64 left = std::max (x, other.x), top = std::max (y, other.y);
  const gint64 across = std::min (right (*this), right (other)) - left;
  const gint64 down = std::min (lower (*this), lower (other)) - top;
  return {static_cast<gint> (left), static_cast<gint> (top),
      static_cast<gint> (std::max<gint64> (across, 0)),
      static_cast<gint> (std::max<gint64> (down, 0))};
}

void
FrameReader::set_info (const GstVideoInfo &info)
{
  info_ = info;
  whole_.converter.reset ();
  part_.converter.reset ();
}

Rectangle
FrameReader::visible (GstBuffer * buffer) const
{
  const GstVideoMeta * meta = gst_buffer_get_video_meta (buffer);
  const gint width =
      meta ? static_cast<gint> (meta->width) : GST_VIDEO_INFO_WIDTH (&info_);
  const gint height =
      meta ? static_cast<gint> (meta->height) : GST_VIDEO_INFO_HEIGHT (&info_);
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
FrameReader::prepare (Path &path, const GstVideoInfo &from,
    const Rectangle &source, gint width, gint height)
{
  if (path.converter && gst_video_info_is_equal (&path.from, &from) &&
      path.source == source && path.to.width == width &&
      path.to.height == height)
    return;
  path.from = from;
  path.source = source;
  path.to = packed_rgb (from, width, height);
  GstStructure * options =
      gst_structure_new ("options", GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT,
          source.x, GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, source.y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, source.width,
          GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, source.height,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
          GST_VIDEO_DITHER_NONE, NULL);
  path.converter.reset (
      gst_video_converter_new (&path.from, &path.to, options));
  if (!path.converter)
    unreadable (vlm::ErrorCategory::Unsupported, "video format ",
        gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&from)),
        " cannot be converted");
}

void
FrameReader::convert (Path &path, GstVideoFrame * frame, guint8 * target)
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
FrameReader::read (
    GstBuffer * buffer, const Rectangle &source, Path &path, gint longest)
{
  MappedFrame frame (info_, buffer, GST_MAP_READ);
  if (!frame)
    refuse (info_, buffer);
  vlm::Image out;
  out.width = source.width;
  out.height = source.height;
  square_pixels (info_, out.width, out.height);
  shrink (longest, out.width, out.height);
  prepare (path, frame.get ()->info, source, out.width, out.height);
  out.rgb.resize (path.to.size);
  convert (path, frame.get (), out.rgb.data ());
  return out;
}

vlm::Image
FrameReader::image (GstBuffer * buffer, gint longest)
{
  return read (buffer, visible (buffer), whole_, longest);
}

vlm::Image
FrameReader::image (GstBuffer * buffer, const Rectangle &part)
{
  return read (buffer, part, part_, 0);
}

// Unpacks the row's pixels up to the last one that is visible.
void
FrameReader::add_unpacked_row (
    GstVideoFrame * frame, const Rectangle &source, gint y, int * sums)
{
  const GstVideoInfo &info = frame->info;
  const GstVideoFormatInfo * unpacked =
      gst_video_format_get_info (info.finfo->unpack_format);
  const bool rgb = GST_VIDEO_FORMAT_INFO_IS_RGB (unpacked);
  const gint right = source.x + source.width;
  line_.resize (static_cast<size_t> (right) + kSlack); // 4 x 16 bits a pixel
  info.finfo->unpack_func (info.finfo, GST_VIDEO_PACK_FLAG_NONE, line_.data (),
      frame->data, info.stride, 0, y, right);
  const auto add = [&] (const auto * pixels) {
    add_row (source.width, sums,
        [&] (gint x) { return brightness (pixels + 4 * (source.x + x), rgb); });
  };
  if (GST_VIDEO_FORMAT_INFO_BITS (unpacked) > 8)
    add (reinterpret_cast<const guint16 *> (line_.data ()));
  else
    add (reinterpret_cast<const guint8 *> (line_.data ()));
}

// Looks at a few rows only: a converter would scale the whole picture.
LumaGrid
FrameReader::luma (GstBuffer * buffer)
{
  MappedFrame mapped (info_, buffer, GST_MAP_READ);
  if (!mapped)
    refuse (info_, buffer);
  GstVideoFrame * frame = mapped.get ();
  const bool bytes = has_bytes_of_luma (frame->info.finfo);
  const gint step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 0);
  const Rectangle source = visible (buffer);

  std::array<int, kGridColumns * kGridRows> sums{};
  constexpr int count = kGridRows * kRowSamples;
  for (int i = 0; i < count; ++i) {
    const gint y =
        source.y +
        static_cast<gint> ((2 * i + 1) * gint64{source.height} / (2 * count));
    int * cells = sums.data () + i / kRowSamples * kGridColumns;
    const guint8 * row = GST_VIDEO_FRAME_COMP_DATA (frame, 0) +
                         gssize{y} * GST_VIDEO_FRAME_COMP_STRIDE (frame, 0);
    if (bytes)
      add_row (source.width, cells,
          [&] (gint x) { return row[gssize{source.x + x} * step]; });
    else
      add_unpacked_row (frame, source, y, cells);
  }
  LumaGrid grid;
  for (size_t i = 0; i < grid.size (); ++i)
    grid[i] = static_cast<guint8> (sums[i] / (kRowSamples * kColumnSamples));
  return grid;
}

} // namespace gstvlm
