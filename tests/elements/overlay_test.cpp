// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/captioned.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

namespace vlm::test {
namespace {

// A rectangle of pixels, empty at first.
struct Box {
  int left = G_MAXINT, top = G_MAXINT, right = -1, bottom = -1, pixels = 0;

  void add(int x, int y) {
    left = std::min(left, x);
    top = std::min(top, y);
    right = std::max(right, x);
    bottom = std::max(bottom, y);
    ++pixels;
  }
  int width() const { return right - left + 1; }
  int height() const { return bottom - top + 1; }
};

// Pixels of a frame as their format unpacks them: four components of 8 or 16 bits.
class Pixels {
public:
  Pixels(const GstVideoInfo &info, GstBuffer *buffer) {
    GstVideoFrame frame;
    EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    width_ = GST_VIDEO_FRAME_WIDTH(&frame);
    height_ = GST_VIDEO_FRAME_HEIGHT(&frame);
    const GstVideoFormatInfo *unpacked = gst_video_format_get_info(info.finfo->unpack_format);
    size_ = GST_VIDEO_FORMAT_INFO_BITS(unpacked) > 8 ? 8 : 4;
    std::vector<guint64> row(width_ + 64);
    for (int y = 0; y < height_; ++y) {
      info.finfo->unpack_func(info.finfo, GST_VIDEO_PACK_FLAG_NONE, row.data(), frame.data,
                              frame.info.stride, 0, y, width_);
      const auto *bytes = reinterpret_cast<const guint8 *>(row.data());
      data_.insert(data_.end(), bytes, bytes + size_t(width_) * size_);
    }
    gst_video_frame_unmap(&frame);
  }

  const guint8 *at(int x, int y) const { return &data_[(size_t(y) * width_ + x) * size_]; }

  Box changes(const Pixels &other) const {
    Box out;
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x)
        if (std::memcmp(at(x, y), other.at(x, y), size_) != 0)
          out.add(x, y);
    return out;
  }

private:
  int width_, height_, size_;
  std::vector<guint8> data_;
};

// Two pictures are the same when their looks are.
std::string look(GstBuffer *buffer) {
  const std::string bytes = bytes_of(buffer);
  gchar *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, bytes.data(), bytes.size());
  const std::string out = hex;
  g_free(hex);
  return out;
}

// vlmoverlay, with a caption that one call puts on a frame.
class Overlay : public Reader {
public:
  explicit Overlay(const std::string &properties = "") : Reader("vlmoverlay " + properties) {}

  /// What becomes of a frame.
  Own<GstBuffer> through(GstBuffer *frame) {
    EXPECT_EQ(push(frame), GST_FLOW_OK);
    return pull();
  }

  Own<GstBuffer> captioned(GstBuffer *frame, const std::string &text, const char *state = "fresh",
                           double confidence = 0.5, GstClockTime age = 0) {
    const auto record = make_record(1, text, 0, confidence);
    return through(carry(frame, {record.get()}, state, age));
  }

  /// Where a caption changes noise.
  Box box(const std::string &text = "a dog", const char *state = "fresh", double confidence = 0.5) {
    const Own<GstBuffer> before(frame(0));
    const auto after = captioned(frame(0), text, state, confidence);
    return Pixels(info(), after.get()).changes(Pixels(info(), before.get()));
  }
};

constexpr int kWidth = 320, kHeight = 240;

// ---- without a caption
// ----------------------------------------------------------------------------

TEST(Overlay, FramesWithoutACaptionAreNotTouched) {
  Overlay o;
  o.play();
  const auto empty = make_record(1, "", 0);
  for (GstBuffer *frame : {o.frame(0), carry(o.frame(1), {empty.get()})}) {
    const std::string before = look(frame);
    const auto after = o.through(frame);
    EXPECT_EQ(after.get(), frame);
    EXPECT_EQ(look(after.get()), before);
  }
}

// The very buffer that somebody else holds goes on: nothing is copied.
TEST(Overlay, SharedFramesWithoutACaptionAreNotCopied) {
  Overlay o;
  o.play();
  const Own<GstBuffer> held(o.frame(0));
  const auto after = o.through(gst_buffer_ref(held.get()));
  EXPECT_EQ(after.get(), held.get());
}

TEST(Overlay, PicturesTooSmallForTextAreNotTouched) {
  for (const auto &[width, height] : {std::pair(1, 1), {16, 16}, {2000, 8}, {8, 2000}}) {
    Overlay o("font-scale=4");
    o.play("I420", width, height);
    const Own<GstBuffer> held(o.frame(0));
    const auto record = make_record(1, "text", 0);
    carry(held.get(), {record.get()});
    EXPECT_EQ(o.through(gst_buffer_ref(held.get())).get(), held.get()) << width << "x" << height;
  }
}

// What an encoder before saw is not what is in a picture that was drawn into.
TEST(Overlay, DropsTokensOfPicturesThatItDrawsInto) {
  {
    Reader encoder("vlmencode interval=0");
    encoder.play();
    Overlay o;
    o.play("I420", 320, 240);
    const Own<GstBuffer> frame(gst_buffer_new_allocate(nullptr, 320 * 240 * 3 / 2, nullptr));
    gst_buffer_memset(frame.get(), 0, 0, 320 * 240 * 3 / 2);
    GST_BUFFER_PTS(frame.get()) = 0;
    encoder.play("I420", 320, 240);
    encoder.push(gst_buffer_ref(frame.get()));
    const auto seen = encoder.pull();
    ASSERT_EQ(tokens_on(seen.get()), 1);
    EXPECT_EQ(tokens_on(o.through(gst_buffer_copy(seen.get())).get()), 1) << "nothing was drawn";
    EXPECT_EQ(tokens_on(o.captioned(gst_buffer_copy(seen.get()), "a dog").get()), 0);
    EXPECT_EQ(tokens_on(seen.get()), 1);
  }
  fake().reset();
}

// ---- with one
// -------------------------------------------------------------------------------------

TEST(Overlay, DrawsIntoABoxAtTheEdge) {
  Overlay bottom, top("position=top");
  bottom.play("RGB", kWidth, kHeight);
  top.play("RGB", kWidth, kHeight);
  const Box low = bottom.box(), high = top.box();
  EXPECT_EQ(low.pixels, low.width() * low.height()) << "noise shows through nowhere unchanged";
  EXPECT_GT(low.top, kHeight / 2);
  EXPECT_LT(low.bottom, kHeight - 1);
  EXPECT_GT(high.top, 0);
  EXPECT_LT(high.bottom, kHeight / 2);
  EXPECT_EQ(low.width(), high.width());
  EXPECT_NEAR(low.left + low.right, kWidth, 8) << "centred";
}

// Every raw format that this GStreamer knows; outside the box not a bit of a pixel changes. Colours
// of a palette cannot be mixed, so the one format with a palette is refused.
TEST(Overlay, DrawsInEveryFormatInsideTheBoxOnly) {
  Overlay reference;
  reference.play("RGB", kWidth, kHeight);
  const Box box = reference.box();
  guint count = 0;
  const GstVideoFormat *formats = gst_video_formats_raw(&count);
  ASSERT_GT(count, 90u);
  for (guint i = 0; i < count; ++i) {
    const std::string name = gst_video_format_to_string(formats[i]);
    Overlay o;
    if (formats[i] == GST_VIDEO_FORMAT_RGB8P) {
      const Own<GstCaps> caps(gst_caps_from_string("video/x-raw,format=RGB8P"));
      EXPECT_FALSE(gst_pad_query_accept_caps(o.pad("sink").get(), caps.get()));
      continue;
    }
    o.play(name, kWidth, kHeight);
    const Box changed = o.box();
    EXPECT_GT(changed.pixels, box.pixels / 2) << name;
    EXPECT_GE(changed.left, box.left) << name;
    EXPECT_GE(changed.top, box.top) << name;
    EXPECT_LE(changed.right, box.right) << name;
    EXPECT_LE(changed.bottom, box.bottom) << name;
  }
}

TEST(Overlay, OddSizes) {
  for (const char *format : {"I420", "NV12", "YV12", "YUY2", "RGB", "BGRx", "GRAY8"})
    for (const auto &[width, height] : {std::pair(161, 121), {163, 99}, {97, 53}}) {
      Overlay o;
      o.play(format, width, height);
      EXPECT_GT(o.box().pixels, 0) << format << " " << width << "x" << height;
    }
}

// Rows with padding, told by a video meta: the padding stays as it is.
TEST(Overlay, StridesOfTheMetaCount) {
  constexpr int kStride = kWidth * 3 + 13, kOffset = 7;
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  const Box box = o.box();
  GstBuffer *frame = gst_buffer_new_allocate(nullptr, kOffset + kStride * kHeight, nullptr);
  gst_buffer_memset(frame, 0, 0xee, kOffset + kStride * kHeight);
  gsize offset[GST_VIDEO_MAX_PLANES] = {kOffset};
  gint stride[GST_VIDEO_MAX_PLANES] = {kStride};
  gst_buffer_add_video_meta_full(frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, kWidth,
                                 kHeight, 1, offset, stride);
  const std::string after = bytes_of(o.captioned(frame, "a dog").get());
  int changed = 0;
  for (int i = 0; i < kOffset + kStride * kHeight; ++i) {
    const int y = (i - kOffset) / kStride, x = (i - kOffset) % kStride / 3;
    if (after[i] == '\xee')
      continue;
    ++changed;
    ASSERT_TRUE(i >= kOffset && x >= box.left && x <= box.right && y >= box.top && y <= box.bottom)
        << x << "," << y;
  }
  EXPECT_GT(changed, box.pixels);
}

// Behind a tee the other branch keeps its picture.
TEST(Overlay, SharedFramesAreCopiedBeforeTheyAreDrawnInto) {
  Overlay o;
  o.play("I420", kWidth, kHeight);
  const Own<GstBuffer> held(o.frame(0));
  const auto record = make_record(1, "a dog", 0);
  carry(held.get(), {record.get()});
  const std::string before = look(held.get());
  const auto after = o.through(gst_buffer_ref(held.get()));
  EXPECT_EQ(look(held.get()), before);
  EXPECT_NE(look(after.get()), before);
  EXPECT_NE(after.get(), held.get());
}

TEST(Overlay, WhatIsOnTheFrameStays) {
  Overlay o;
  o.play("I420", kWidth, kHeight);
  GstBuffer *frame = o.frame(7);
  GST_BUFFER_OFFSET(frame) = 70;
  GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_MARKER);
  gst_buffer_add_video_region_of_interest_meta(frame, "face", 1, 2, 3, 4);
  const auto after = o.captioned(frame, "a dog", "held", 0.5, kFrame);
  EXPECT_EQ(GST_BUFFER_PTS(after.get()), 7 * kFrame);
  EXPECT_EQ(GST_BUFFER_DURATION(after.get()), kFrame);
  EXPECT_EQ(GST_BUFFER_OFFSET(after.get()), 70u);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(after.get(), GST_BUFFER_FLAG_MARKER));
  EXPECT_TRUE(gst_buffer_get_video_region_of_interest_meta_id(after.get(), 0));
  EXPECT_EQ(caption_of(after.get()), "a dog");
  EXPECT_EQ(state_of(after.get()), "held");
}

// ---- what the box says
// ----------------------------------------------------------------------------

// Colour of the stripe at the left edge, on black.
std::vector<int> stripe(Overlay &o, const char *state, const Box &box) {
  const auto after = o.captioned(o.dark_frame(0), "a dog", state);
  const Pixels pixels(o.info(), after.get());
  const guint8 *p = pixels.at(box.left + 4, box.top + 4); // alpha, red, green, blue
  return {p[1], p[2], p[3]};
}

TEST(Overlay, TheStripeTellsTheState) {
  Overlay o("font-scale=4");
  o.play("RGB", 640, 480);
  const auto fresh = stripe(o, "fresh", o.box("a dog", "fresh"));
  const auto held = stripe(o, "held", o.box("a dog", "held"));
  const auto stale = stripe(o, "stale", o.box("a dog", "stale"));
  EXPECT_GT(fresh[1], fresh[0] + 50) << "green";
  EXPECT_GT(fresh[1], fresh[2] + 50);
  EXPECT_GT(held[2], held[0] + 50) << "blue";
  EXPECT_GT(stale[0], stale[2] + 50) << "amber";
  EXPECT_GT(stale[1], stale[2] + 50);
}

TEST(Overlay, AStaleCaptionIsMarkedWithItsAge) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  EXPECT_GT(o.box("a dog", "stale").height(), o.box("a dog", "held").height());
  const auto at = [&o](GstClockTime age) {
    return look(o.captioned(o.dark_frame(0), "a dog", "stale", 0.5, age).get());
  };
  EXPECT_NE(at(10 * GST_SECOND), at(11 * GST_SECOND));
  EXPECT_EQ(at(10 * GST_SECOND), at(10 * GST_SECOND + kFrame)) << "whole seconds";
  EXPECT_NE(at(200 * GST_SECOND), at(3 * 3600 * GST_SECOND));
}

// Coloured pixels of the bar: a fresh box has no other red or yellow ones.
int bar_pixels(Overlay &o, double confidence) {
  const auto after = o.captioned(o.dark_frame(0), "a rather long caption", "fresh", confidence);
  const Pixels pixels(o.info(), after.get());
  int count = 0;
  for (int y = 0; y < 480; ++y)
    for (int x = 0; x < 640; ++x)
      count += pixels.at(x, y)[1] > pixels.at(x, y)[3] + 60;
  return count;
}

TEST(Overlay, TheBarIsAsLongAsTheConfidence) {
  Overlay o;
  o.play("RGB", 640, 480);
  const int half = bar_pixels(o, 0.5);
  EXPECT_GT(half, 50);
  EXPECT_NEAR(bar_pixels(o, 0.25), half / 2, half * 0.1);
  EXPECT_EQ(bar_pixels(o, 0), 0);
}

TEST(Overlay, ThereIsNoBarWithoutConfidenceOrWhenItIsNotWanted) {
  Overlay o, plain("show-confidence=false");
  o.play("RGB", kWidth, kHeight);
  plain.play("RGB", kWidth, kHeight);
  const Box with = o.box();
  EXPECT_LT(plain.box().height(), with.height());
  EXPECT_EQ(o.box("a dog", "fresh", std::numeric_limits<double>::quiet_NaN()).height(),
            plain.box().height());
}

TEST(Overlay, LongTextIsWrappedAndShortened) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  const Box line = o.box("a dog");
  const Box lines = o.box("a dog that runs over a field with a stick in its mouth while it rains");
  EXPECT_GT(lines.height(), line.height());
  std::string endless;
  for (int i = 0; i < 3000; ++i)
    endless += i % 3 ? "word " : "line\n";
  const Box full = o.box(endless);
  EXPECT_LT(full.height(), kHeight * 6 / 10);
  EXPECT_LT(full.width(), kWidth);
  EXPECT_LT(o.box(std::string(5000, 'x')).height(), kHeight * 6 / 10) << "one long word";
}

// Nothing in a text is an instruction, and no script breaks the layout.
TEST(Overlay, TextIsTakenLiterally) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  EXPECT_GT(o.box("<b>a</b> & <span").width(), o.box("a & ").width());
  EXPECT_EQ(o.box("a\ndog").height(), o.box("a dog").height());
  for (const char *text : {"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "\x01\x02\x1b[0m",
                           "\xf0\x9f\x90\x88", "\xe2\x80\xa9\xe2\x80\xa9", "%s%n"})
    EXPECT_GT(o.box(text).pixels, 0);
}

// A line that runs from right to left begins inside the box, too.
TEST(Overlay, RightToLeftTextIsInsideTheBox) {
  Overlay o("show-confidence=false");
  o.play("RGB", 640, 480);
  const auto after = o.captioned(o.dark_frame(0), "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d");
  const Pixels pixels(o.info(), after.get());
  int white = 0;
  for (int y = 0; y < 480; ++y)
    for (int x = 0; x < 640; ++x)
      white += std::min({pixels.at(x, y)[1], pixels.at(x, y)[2], pixels.at(x, y)[3]}) > 200;
  EXPECT_GT(white, 20);
}

TEST(Overlay, SizeFollowsTheHeightAndTheScale) {
  Overlay o;
  o.play("RGB", 640, 240);
  const int small = o.box().height();
  o.play("RGB", 640, 480); // in the middle of the stream
  const int large = o.box().height();
  EXPECT_GT(large, small * 3 / 2);
  g_object_set(o.element(), "font-scale", 2.0, nullptr);
  EXPECT_GT(o.box().height(), large * 3 / 2);
  const std::string narrow(24, 'i');
  const Box sans = o.box(narrow);
  g_object_set(o.element(), "font-description", "Monospace 72", nullptr);
  EXPECT_NE(o.box(narrow).width(), sans.width());
  EXPECT_LT(o.box(narrow).height(), sans.height() * 3 / 2) << "its size does not count";
}

TEST(Overlay, PixelsThatAreNotSquareCount) {
  Overlay o;
  o.play("RGB", 640, 240);
  const Box square = o.box();
  o.play("RGB", 320, 240, "pixel-aspect-ratio=2/1");
  const Box wide = o.box();
  EXPECT_EQ(wide.height(), square.height());
  EXPECT_NEAR(wide.width(), square.width() / 2, 4);
}

// ---- which caption
// --------------------------------------------------------------------------------

// The picture that a caption alone makes.
std::string picture(Overlay &o, const std::string &text) {
  return look(o.captioned(o.dark_frame(0), text).get());
}

TEST(Overlay, TheNewestRecordOfTheFrameIsDrawn) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  const auto a = make_record(1, "old", 0), b = make_record(2, "new", kFrame),
             none = make_record(3, "", 2 * kFrame);
  const std::string expected = picture(o, "new");
  ASSERT_NE(expected, picture(o, "old"));
  EXPECT_EQ(look(o.through(carry(o.dark_frame(1), {a.get(), b.get()})).get()), expected);
  EXPECT_EQ(look(o.through(carry(o.dark_frame(1), {b.get(), a.get()})).get()), expected);
  EXPECT_EQ(look(o.through(carry(carry(o.dark_frame(1), {a.get()}), {b.get()})).get()), expected);
  EXPECT_EQ(look(o.through(carry(o.dark_frame(1), {b.get(), none.get()})).get()), expected);
}

TEST(Overlay, RecordsOfRegionsAreNotDrawn) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  const auto whole = make_record(1, "whole", 0), part = make_record(2, "part", 0);
  const Own<GstStructure> region(gst_structure_new_empty("region"));
  gst_structure_set(part.get(), "region", GST_TYPE_STRUCTURE, region.get(), nullptr);
  EXPECT_EQ(look(o.through(carry(o.dark_frame(1), {whole.get(), part.get()})).get()),
            picture(o, "whole"));
}

TEST(Overlay, EventsAreShownUntilAFrameKnowsMore) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  const std::string dark = look(o.through(o.dark_frame(0)).get());
  const std::string expected = picture(o, "event"), latest = picture(o, "newer");
  const auto event = make_record(2, "event", kFrame), old = make_record(1, "old", 0),
             newer = make_record(3, "newer", 3 * kFrame), empty = make_record(4, "", 9 * kFrame);
  EXPECT_TRUE(o.push(record_event(event.get())));
  EXPECT_EQ(look(o.through(o.dark_frame(1)).get()), expected) << "fresh";
  const std::string held = look(o.through(o.dark_frame(2)).get());
  EXPECT_NE(held, expected);
  EXPECT_NE(held, dark);
  o.push(record_event(empty.get())); // says nothing
  EXPECT_EQ(look(o.through(carry(o.dark_frame(2), {old.get()})).get()), held);
  const std::string stale = look(o.through(o.dark_frame(100)).get());
  EXPECT_NE(stale, held);
  EXPECT_EQ(look(o.through(carry(o.dark_frame(3), {newer.get()})).get()), latest);
  EXPECT_EQ(look(o.through(o.dark_frame(4)).get()), dark) << "the event is over";
}

TEST(Overlay, EventsGoOnDownstream) {
  Overlay o;
  o.play();
  const auto pad = o.pad("src");
  TextLog log(pad.get());
  const auto record = make_record(1, "x", 0);
  o.push(record_event(record.get()));
  const auto event = log.event(GST_EVENT_CUSTOM_DOWNSTREAM);
  ASSERT_TRUE(event);
  EXPECT_TRUE(gst_event_has_name(event.get(), "vlmcaption/record"));
  o.push(gst_event_new_eos());
  EXPECT_EQ(log.order().back(), "eos");
}

TEST(Overlay, AFlushAndANewStreamForgetTheEvent) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  const std::string dark = look(o.through(o.dark_frame(0)).get());
  const auto record = make_record(1, "x", 0);
  o.push(record_event(record.get()));
  o.flush();
  o.segment(0);
  EXPECT_EQ(look(o.through(o.dark_frame(1)).get()), dark);
  o.push(record_event(record.get()));
  o.push(gst_event_new_stream_start("next"));
  o.segment(0);
  EXPECT_EQ(look(o.through(o.dark_frame(1)).get()), dark);
}

// ---- odd input
// ------------------------------------------------------------------------------------

TEST(Overlay, TimeMayBeMissing) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  o.push(gst_event_new_segment(&segment));
  const std::string expected = picture(o, "x");
  const auto record = make_record(1, "x", 0);
  o.push(record_event(record.get()));
  GstBuffer *frame = o.dark_frame(0);
  GST_BUFFER_PTS(frame) = GST_BUFFER_DURATION(frame) = GST_CLOCK_TIME_NONE;
  EXPECT_EQ(look(o.through(frame).get()), expected);
}

TEST(Overlay, ABufferThatIsNoFrameIsAnError) {
  Overlay o;
  o.play("RGB", kWidth, kHeight);
  const auto record = make_record(1, "x", 0);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 10, nullptr);
  EXPECT_EQ(o.push(carry(buffer, {record.get()})), GST_FLOW_ERROR);
  const auto message = o.bus().wait(GST_MESSAGE_ERROR);
  ASSERT_TRUE(message);
  const Problem problem = problem_of(message.get());
  EXPECT_EQ(problem.domain, GST_STREAM_ERROR);
  EXPECT_EQ(problem.code, GST_STREAM_ERROR_FORMAT);
}

TEST(Overlay, OnlyRawVideoInMemoryIsTaken) {
  Overlay o;
  for (const char *line :
       {"image/jpeg", "audio/x-raw", "video/x-raw(memory:GLMemory),format=RGBA"}) {
    const Own<GstCaps> caps(gst_caps_from_string(line));
    EXPECT_FALSE(gst_pad_query_accept_caps(o.pad("sink").get(), caps.get())) << line;
  }
}

// ---- element
// --------------------------------------------------------------------------------------

TEST(Overlay, PropertiesHaveDefaultsAndChangeWhilePlaying) {
  Overlay o;
  gchar *font = nullptr;
  gdouble scale = 0;
  gint position = -1;
  gboolean confidence = FALSE;
  g_object_get(o.element(), "font-description", &font, "font-scale", &scale, "position", &position,
               "show-confidence", &confidence, nullptr);
  EXPECT_STREQ(font, "Sans");
  EXPECT_EQ(scale, 1);
  EXPECT_EQ(position, 0);
  EXPECT_TRUE(confidence);
  g_free(font);
  for (const char *name : {"font-description", "font-scale", "position", "show-confidence"}) {
    const GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(o.element()), name);
    ASSERT_TRUE(spec) << name;
    EXPECT_TRUE(spec->flags & GST_PARAM_MUTABLE_PLAYING) << name;
  }
  g_object_set(o.element(), "font-description", nullptr, nullptr);
  g_object_get(o.element(), "font-description", &font, nullptr);
  EXPECT_STREQ(font, "Sans") << "unset is the default";
  g_free(font);
}

TEST(Overlay, EveryRunStartsClean) {
  Overlay o;
  const auto record = make_record(1, "x", 0);
  for (int run = 0; run < 20; ++run) {
    gst_element_set_state(o.element(), GST_STATE_PLAYING);
    o.push(gst_event_new_stream_start("again"));
    o.play("RGB", kWidth, kHeight);
    o.segment(0);
    const std::string dark = look(Own<GstBuffer>(o.dark_frame(0)).get());
    EXPECT_EQ(look(o.through(o.dark_frame(0)).get()), dark) << run;
    o.push(record_event(record.get()));
    EXPECT_NE(look(o.through(o.dark_frame(1)).get()), dark) << run;
    gst_element_set_state(o.element(), GST_STATE_NULL);
  }
}

class OverlayPipeline : public ElementTest {};

// The recording branch of a tee stays black, the other has captions from the first frame on.
TEST_F(OverlayPipeline, DrawsForOneBranchOnly) {
  GError *error = nullptr;
  const Own<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(
      "videotestsrc pattern=black num-buffers=30 ! video/x-raw,format=GRAY8,width=320,height=240 ! "
      "vlmcaption interval=200000000 ! tee name=t  "
      "t. ! queue ! vlmoverlay ! fakesink name=drawn signal-handoffs=true  "
      "t. ! queue ! fakesink name=plain signal-handoffs=true",
      &error))));
  ASSERT_FALSE(error) << error->message;
  struct Count {
    std::atomic<int> bright{0}, dark{0};
  } drawn, plain;
  using Handoff = void (*)(GstElement *, GstBuffer *, GstPad *, gpointer);
  const Handoff count = [](GstElement *, GstBuffer *buffer, GstPad *, gpointer out) {
    const std::string bytes = bytes_of(buffer);
    const bool bright = std::any_of(bytes.begin(), bytes.end(),
                                    [](char c) { return static_cast<guint8>(c) > 100; });
    ++(bright ? static_cast<Count *>(out)->bright : static_cast<Count *>(out)->dark);
  };
  for (const auto &[name, counts] : {std::pair("drawn", &drawn), {"plain", &plain}}) {
    const Own<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
    g_signal_connect(sink.get(), "handoff", G_CALLBACK(count), counts);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Own<GstBus> bus(gst_element_get_bus(pipeline.get()));
  // A thread sanitizer weighs every byte of every picture.
  const Own<GstMessage> end(
      gst_bus_timed_pop_filtered(bus.get(), (kSanitized ? 300 : 30) * GST_SECOND,
                                 GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ASSERT_TRUE(end);
  EXPECT_EQ(GST_MESSAGE_TYPE(end.get()), GST_MESSAGE_EOS);
  EXPECT_EQ(drawn.bright, 30);
  EXPECT_EQ(plain.dark, 30);
}

// What is drawn can still be written down, whichever way it comes.
TEST_F(OverlayPipeline, LeavesRecordsToWhoComesAfter) {
  Reader chain("videoconvert ! video/x-raw,format=NV12 ! vlmoverlay ! videoconvert ! vlmmeta2json");
  chain.play("RGB", kWidth, kHeight);
  const auto a = make_record(1, "carried", 0), b = make_record(2, "event", 0);
  chain.push(carry(chain.frame(0), {a.get()}));
  chain.push(record_event(b.get()));
  for (const char *text : {"carried", "event"}) {
    const auto line = chain.pull();
    ASSERT_TRUE(line) << text;
    EXPECT_NE(bytes_of(line.get()).find(text), std::string::npos);
  }
}

} // namespace
} // namespace vlm::test
