// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/picturewriter.h"

#include "model/core/error.h"

namespace gstvlm
{
namespace
{

constexpr int kUnit = 8; // of a painted picture's sides
constexpr int kLongest = 1 << 15;

// As many square pixels as `pixels` of a shape that is num/den as long, at
// least as many.
int
stretched (int pixels, int num, int den)
{
  if (num <= den)
    return pixels;
  const guint64 all = gst_util_uint64_scale_int_round (pixels, num, den);
  return static_cast<int> (MIN (all, guint64{2 * kLongest}));
}

int
rounded_up (int pixels)
{
  return (pixels + kUnit - 1) / kUnit * kUnit;
}

// Rows without padding, whatever GStreamer's default is.
GstVideoInfo
packed_rgb (const vlm::Image &image)
{
  GstVideoInfo info;
  gst_video_info_init (&info);
  gst_video_info_set_format (
      &info, GST_VIDEO_FORMAT_RGB, image.width, image.height);
  info.stride[0] = image.width * 3;
  info.size = image.rgb.size ();
  return info;
}

// The part of a picture that is shown.
GstStructure *
cropped (int width, int height, int painted_width, int painted_height)
{
  return gst_structure_new ("config", GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT,
      (painted_width - width) / 2, GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT,
      (painted_height - height) / 2, GST_VIDEO_CONVERTER_OPT_SRC_WIDTH,
      G_TYPE_INT, width, GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, height,
      NULL);
}

} // namespace

Ptr<GstCaps>
PictureWriter::choose (const GstCaps * allowed, gint default_size)
{
  if (gst_caps_is_empty (allowed))
    return nullptr;
  GstCaps * caps = gst_caps_truncate (gst_caps_copy (allowed));
  GstStructure * s = gst_caps_get_structure (caps, 0);
  if (!gst_structure_has_field (s, "pixel-aspect-ratio"))
    gst_structure_set (s, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
  gst_structure_fixate_field_nearest_fraction (s, "pixel-aspect-ratio", 1, 1);
  gst_structure_fixate_field_nearest_int (s, "width", default_size);
  gst_structure_fixate_field_nearest_int (s, "height", default_size);
  gst_structure_fixate_field_nearest_fraction (s, "framerate", 0, 1);
  gst_structure_fixate_field_string (s, "format", "RGB");
  return Ptr<GstCaps> (gst_caps_fixate (caps));
}

bool
PictureWriter::set_caps (const GstCaps * caps)
{
  ready_ = gst_video_info_from_caps (&info_, caps) &&
           GST_VIDEO_INFO_PAR_N (&info_) > 0 &&
           MAX (seen_width (), seen_height ()) <= kLongest;
  return ready_;
}

// With square pixels; the longer way is stretched, so that nothing is lost.
int
PictureWriter::seen_width () const
{
  return stretched (GST_VIDEO_INFO_WIDTH (&info_),
      GST_VIDEO_INFO_PAR_N (&info_), GST_VIDEO_INFO_PAR_D (&info_));
}

int
PictureWriter::seen_height () const
{
  return stretched (GST_VIDEO_INFO_HEIGHT (&info_),
      GST_VIDEO_INFO_PAR_D (&info_), GST_VIDEO_INFO_PAR_N (&info_));
}

int
PictureWriter::painted_width () const
{
  return rounded_up (seen_width ());
}

int
PictureWriter::painted_height () const
{
  return rounded_up (seen_height ());
}

GstClockTime
PictureWriter::time_of (guint64 n) const
{
  if (!has_rate ())
    return 0;
  return gst_util_uint64_scale (n, info_.fps_d * GST_SECOND, info_.fps_n);
}

// No pool: a picture takes seconds, and the frames that repeat it share its
// memory for longer than a pool would like.
Ptr<GstBuffer>
PictureWriter::write (const vlm::Image &image) const
{
  GstVideoInfo from = packed_rgb (image);
  from.fps_n = info_.fps_n; // converters refuse a change
  from.fps_d = info_.fps_d;
  const bool fits =
      image.width == painted_width () && image.height == painted_height ();
  const Ptr<GstVideoConverter> converter (gst_video_converter_new (&from,
      &info_,
      fits ? cropped (seen_width (), seen_height (), image.width, image.height)
           : NULL));
  if (!converter)
    vlm::fail (vlm::ErrorCategory::Unsupported, "pictures cannot become ",
        gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&info_)));
  const Ptr<GstBuffer> source (gst_buffer_new_wrapped_full (
      GST_MEMORY_FLAG_READONLY, const_cast<uint8_t *> (image.rgb.data ()),
      image.rgb.size (), 0, image.rgb.size (), NULL, NULL));
  Ptr<GstBuffer> out (
      gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info_), NULL));
  MappedFrame in_frame (from, source.get (), GST_MAP_READ);
  MappedFrame out_frame (info_, out.get (), GST_MAP_WRITE);
  if (!in_frame || !out_frame)
    vlm::fail (vlm::ErrorCategory::Failed, "a picture of ", image.rgb.size (),
        " bytes cannot be mapped");
  gst_video_converter_frame (
      converter.get (), in_frame.get (), out_frame.get ());
  return out;
}

GstSample *
sample_of (const vlm::Image &image)
{
  GstVideoInfo info;
  gst_video_info_set_format (
      &info, GST_VIDEO_FORMAT_RGB, image.width, image.height);
  info.fps_n = 0;
  info.fps_d = 1;
  PictureWriter writer;
  const Ptr<GstCaps> caps (gst_video_info_to_caps (&info));
  writer.set_caps (caps.get ());
  const Ptr<GstBuffer> buffer = writer.write (image);
  return gst_sample_new (buffer.get (), caps.get (), NULL, NULL);
}

} // namespace gstvlm
