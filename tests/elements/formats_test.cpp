// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <gst/video/gstvideometa.h>

#include <cstring>

namespace vlm::test {
namespace {

using Formats = ElementTest;

struct Color {
  int r, g, b;
};

Color at(const Image &image, int x, int y) {
  const uint8_t *p = &image.rgb[3 * (static_cast<size_t>(y) * image.width + x)];
  return {p[0], p[1], p[2]};
}

void expect_near(const Color &got, const Color &want, int tolerance, const std::string &what) {
  EXPECT_NEAR(got.r, want.r, tolerance) << what;
  EXPECT_NEAR(got.g, want.g, tolerance) << what;
  EXPECT_NEAR(got.b, want.b, tolerance) << what;
}

// A frame in `format` whose left half is red and whose right half is blue, converted by GStreamer.
GstBuffer *two_colors(const GstVideoInfo &info) {
  GstVideoInfo rgb;
  const int width = GST_VIDEO_INFO_WIDTH(&info), height = GST_VIDEO_INFO_HEIGHT(&info);
  gst_video_info_set_format(&rgb, GST_VIDEO_FORMAT_RGB, width, height);
  rgb.fps_n = info.fps_n;
  rgb.fps_d = info.fps_d;
  rgb.interlace_mode = info.interlace_mode;
  const Own<GstBuffer> source(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&rgb), nullptr));
  GstBuffer *target = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr);
  GstVideoFrame in, out;
  gst_video_frame_map(&in, &rgb, source.get(), GST_MAP_WRITE);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      auto *p = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&in, 0));
      p += y * GST_VIDEO_FRAME_PLANE_STRIDE(&in, 0) + 3 * x;
      p[0] = x < width / 2 ? 255 : 0;
      p[1] = 0;
      p[2] = x < width / 2 ? 0 : 255;
    }
  GstVideoConverter *converter =
      gst_video_converter_new(&rgb, const_cast<GstVideoInfo *>(&info), nullptr);
  gst_video_frame_map(&out, &info, target, GST_MAP_WRITE);
  gst_video_converter_frame(converter, &in, &out);
  gst_video_frame_unmap(&out);
  gst_video_frame_unmap(&in);
  gst_video_converter_free(converter);
  GST_BUFFER_PTS(target) = 0;
  return target;
}

GstVideoInfo info_of(Caption &v) {
  GstVideoInfo info;
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "sink"));
  const Own<GstCaps> caps(gst_pad_get_current_caps(pad.get()));
  EXPECT_TRUE(caps && gst_video_info_from_caps(&info, caps.get()));
  return info;
}

// Every raw format that this GStreamer knows reaches the model with the right colours.
TEST_F(Formats, AllReachTheModelAsRgb) {
  guint count = 0;
  const GstVideoFormat *formats = gst_video_formats_raw(&count);
  ASSERT_GT(count, 90u);
  for (guint i = 0; i < count; ++i) {
    const GstVideoFormatInfo *format = gst_video_format_get_info(formats[i]);
    const std::string name = GST_VIDEO_FORMAT_INFO_NAME(format);
    Caption v;
    v.play(name, 32, 16);
    const GstVideoInfo info = info_of(v);
    ASSERT_EQ(gst_harness_push(v.h(), two_colors(info)), GST_FLOW_OK) << name;
    const Image image = fake().seen().last.images.at(0);
    ASSERT_EQ(image.width, 32) << name;
    ASSERT_EQ(image.height, 16) << name;
    ASSERT_EQ(image.rgb.size(), 32u * 16 * 3) << name;
    if (GST_VIDEO_FORMAT_INFO_IS_GRAY(format) || formats[i] == GST_VIDEO_FORMAT_RGB8P)
      continue; // no colours to compare
    const bool coarse = formats[i] == GST_VIDEO_FORMAT_YUV9 || formats[i] == GST_VIDEO_FORMAT_YVU9;
    expect_near(at(image, 8, 8), {255, 0, 0}, coarse ? 24 : 12, name);
    expect_near(at(image, 24, 8), {0, 0, 255}, coarse ? 24 : 12, name);
  }
}

// Rows with padding and planes that are elsewhere, told by a video meta.
TEST_F(Formats, StridesAndOffsetsOfTheMetaCount) {
  constexpr int kWidth = 10, kHeight = 6, kStride = 47, kOffset = 13;
  Caption v;
  v.play("RGB", kWidth, kHeight);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, kOffset + kStride * kHeight, nullptr);
  gst_buffer_memset(buffer, 0, 0xee, kOffset + kStride * kHeight);
  for (int y = 0; y < kHeight; ++y)
    gst_buffer_memset(buffer, kOffset + y * kStride, static_cast<guint8>(10 * y), kWidth * 3);
  gsize offset[GST_VIDEO_MAX_PLANES] = {kOffset};
  gint stride[GST_VIDEO_MAX_PLANES] = {kStride};
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, kWidth,
                                 kHeight, 1, offset, stride);
  GST_BUFFER_PTS(buffer) = 0;
  ASSERT_EQ(gst_harness_push(v.h(), buffer), GST_FLOW_OK);
  const Image image = fake().seen().last.images.at(0);
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x)
      expect_near(at(image, x, y), {10 * y, 10 * y, 10 * y}, 0, std::to_string(x));
}

TEST_F(Formats, CropMetaChoosesWhatIsSeen) {
  Caption v;
  v.play("RGB", 32, 16);
  GstBuffer *buffer = two_colors(info_of(v));
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(buffer);
  crop->x = 16;
  crop->y = 4;
  crop->width = 12;
  crop->height = 8;
  gst_harness_push(v.h(), buffer);
  const Image image = fake().seen().last.images.at(0);
  EXPECT_EQ(image.width, 12);
  EXPECT_EQ(image.height, 8);
  expect_near(at(image, 0, 0), {0, 0, 255}, 0, "left edge of the crop");
}

// A crop that reaches outside is a mistake of upstream, not a reason to read outside.
TEST_F(Formats, ImpossibleCropIsIgnored) {
  Caption v;
  v.play("RGB", 32, 16);
  GstBuffer *buffer = two_colors(info_of(v));
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(buffer);
  crop->x = G_MAXUINT;
  crop->width = 12;
  crop->height = 8;
  gst_harness_push(v.h(), buffer);
  EXPECT_EQ(fake().seen().last.images.at(0).width, 32);
}

TEST_F(Formats, PixelsAreMadeSquare) {
  Caption v("interval=0");
  v.play("I420", 32, 16, "pixel-aspect-ratio=2/1");
  v.push(0);
  EXPECT_EQ(fake().seen().last.images.at(0).width, 64);
  EXPECT_EQ(fake().seen().last.images.at(0).height, 16);
  v.play("I420", 32, 16, "pixel-aspect-ratio=1/2");
  v.push(1);
  EXPECT_EQ(fake().seen().last.images.at(0).width, 32);
  EXPECT_EQ(fake().seen().last.images.at(0).height, 32);
}

TEST_F(Formats, AbsurdPixelAspectRatioIsRefused) {
  Caption v;
  v.play("I420", 320, 16, "pixel-aspect-ratio=100000/1");
  EXPECT_EQ(v.push(0), GST_FLOW_ERROR);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_NE(problem.text.find("100000/1"), std::string::npos) << problem.text;
}

TEST_F(Formats, RangeAndMatrixCount) {
  Caption v("interval=0");
  v.play("I420", 32, 16, "colorimetry=1:4:0:0"); // full range
  v.push(0, 16);
  EXPECT_GT(at(fake().seen().last.images.at(0), 0, 0).g, 10);
  v.play("GRAY8", 32, 16);
  v.push(1, 200);
  expect_near(at(fake().seen().last.images.at(0), 5, 5), {200, 200, 200}, 1, "grey");
}

TEST_F(Formats, InterlacedVideoIsRead) {
  Caption v;
  v.play("I420", 32, 16, "interlace-mode=interleaved");
  EXPECT_EQ(gst_harness_push(v.h(), two_colors(info_of(v))), GST_FLOW_OK);
  expect_near(at(fake().seen().last.images.at(0), 8, 8), {255, 0, 0}, 12, "interlaced");
}

TEST_F(Formats, OnlyRawVideoIsAccepted) {
  Caption v;
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "sink"));
  for (const char *line :
       {"image/jpeg", "audio/x-raw", "video/x-raw(memory:GLMemory),format=RGBA"}) {
    const Own<GstCaps> caps(gst_caps_from_string(line));
    EXPECT_FALSE(gst_pad_query_accept_caps(pad.get(), caps.get())) << line;
  }
}

// Upstream sees exactly what downstream can take.
TEST_F(Formats, CapsAndAllocationAreThoseOfDownstream) {
  Caption v;
  gst_harness_set_sink_caps_str(v.h(), "video/x-raw,format=NV12,width=64,height=48");
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "sink"));
  const Own<GstCaps> caps(gst_pad_query_caps(pad.get(), nullptr));
  const Own<GstCaps> other(gst_caps_from_string("video/x-raw,format=I420,width=64,height=48"));
  EXPECT_FALSE(gst_caps_can_intersect(caps.get(), other.get()));

  v.play("NV12");
  gst_harness_add_propose_allocation_meta(v.h(), GST_VIDEO_META_API_TYPE, nullptr);
  const Own<GstCaps> now(gst_pad_get_current_caps(pad.get()));
  GstQuery *query = gst_query_new_allocation(now.get(), FALSE);
  EXPECT_TRUE(gst_pad_query(pad.get(), query));
  EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr));
  gst_query_unref(query);
}

} // namespace
} // namespace vlm::test
