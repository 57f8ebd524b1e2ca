// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace vlm::test {
namespace {

using Regions = ElementTest;
using Strings = std::vector<std::string>;

struct Roi {
  const char *label;
  guint x, y, width, height;
};

// A frame with things detected on it.
GstBuffer *with(GstBuffer *frame, const std::vector<Roi> &rois) {
  gint id = 0;
  for (const Roi &r : rois)
    gst_buffer_add_video_region_of_interest_meta(frame, r.label, r.x, r.y, r.width, r.height)->id =
        ++id;
  return frame;
}

const GstStructure *region_of(const GstStructure *record) {
  const GValue *value = gst_structure_get_value(record, "region");
  return value ? gst_value_get_structure(value) : nullptr;
}

// "x,y widthxheight label", "" for a record of the whole picture.
Strings told(Caption &v) {
  Strings out;
  for (const auto &record : v.bus().captions()) {
    const GstStructure *r = region_of(record.get());
    out.push_back(!r ? ""
                     : std::to_string(time_field(r, "x")) + "," +
                           std::to_string(time_field(r, "y")) + " " +
                           std::to_string(time_field(r, "width")) + "x" +
                           std::to_string(time_field(r, "height")) + " " + text_field(r, "label"));
  }
  return out;
}

TEST_F(Regions, AreAskedAboutBesidesTheFrame) {
  Caption v("interval=0 prompt=all region-prompt=\"what {label}, {pts}?\"");
  v.play("RGB");
  gst_harness_push(v.h(), with(v.frame(1), {{"face", 4, 6, 8, 10}, {"car", 0, 0, 20, 20}}));
  EXPECT_EQ(fake().seen().questions,
            (Strings{"all", "what car, 40000000?", "what face, 40000000?"}));
  const auto whole = v.bus().caption(), car = v.bus().caption(), face = v.bus().caption();
  EXPECT_EQ(region_of(whole.get()), nullptr);
  EXPECT_EQ(text_field(car.get(), "question"), "what car, 40000000?");
  const GstStructure *region = region_of(face.get());
  ASSERT_TRUE(region);
  EXPECT_EQ(time_field(region, "x"), 4u);
  EXPECT_EQ(time_field(region, "y"), 6u);
  EXPECT_EQ(time_field(region, "width"), 8u);
  EXPECT_EQ(time_field(region, "height"), 10u);
  EXPECT_EQ(text_field(region, "label"), "face");
  EXPECT_EQ(time_field(region, "id"), 1u);
  EXPECT_EQ(time_field(face.get(), "pts"), kFrame);
  // All of them ride on the frame.
  const auto out = v.pull();
  const GValue *records = gst_structure_get_value(meta_of(out.get()), "records");
  ASSERT_TRUE(records);
  EXPECT_EQ(gst_value_array_get_size(records), 3u);
}

// The same thing, told in both ways, is one; a relation that is no detection is none.
TEST_F(Regions, MayComeFromGstAnalytics) {
#ifdef HAVE_GST_ANALYTICS
  Caption v("interval=0 prompt=all region-prompt=\"what {label}?\"");
  v.play("RGB");
  GstBuffer *frame = with(v.frame(0), {{"car", 0, 0, 20, 20}});
  GstAnalyticsRelationMeta *relations = gst_buffer_add_analytics_relation_meta(frame);
  GstAnalyticsODMtd detection;
  const auto add = [&](const char *label, gint x, gint y, gint width, gint height) {
    EXPECT_TRUE(gst_analytics_relation_meta_add_od_mtd(relations, g_quark_from_string(label), x, y,
                                                       width, height, 0.5f, &detection));
  };
  add("car", 0, 0, 20, 20);
  add("face", 4, 6, 8, 10);
  add("far", -50, -50, 8, 8);
  GstAnalyticsClsMtd class_of_all;
  EXPECT_TRUE(gst_analytics_relation_meta_add_one_cls_mtd(
      relations, 0.5f, g_quark_from_string("street"), &class_of_all));
  gst_harness_push(v.h(), frame);
  EXPECT_EQ(told(v), (Strings{"", "0,0 20x20 car", "4,6 8x10 face"}));
  EXPECT_EQ(fake().seen().questions, (Strings{"all", "what car?", "what face?"}));
#else
  GTEST_SKIP() << "built without gstreamer-analytics-1.0";
#endif
}

// The model sees that part of the picture and nothing else.
TEST_F(Regions, AreCutOut) {
  Caption v("interval=0 region-prompt=what?");
  v.play("GRAY8", 64, 48);
  GstBuffer *frame = with(v.frame(0, 50), {{"spot", 10, 20, 3, 1}});
  gst_buffer_memset(frame, 20 * 64 + 10, 200, 3);
  gst_harness_push(v.h(), frame);
  const FakeSeen seen = fake().seen();
  ASSERT_EQ(seen.last.images.size(), 1u);
  const Image &image = seen.last.images[0];
  EXPECT_EQ(image.width, 3);
  EXPECT_EQ(image.height, 1);
  EXPECT_EQ(image.rgb, std::vector<uint8_t>(9, image.rgb.at(0)));
  EXPECT_GT(image.rgb.at(0), 150);
  EXPECT_EQ(seen.last.memory, nullptr); // not what was seen in the whole picture
}

TEST_F(Regions, WithoutAPromptAreNotAskedAbout) {
  Caption v("interval=0");
  v.play();
  gst_harness_push(v.h(), with(v.frame(0), {{"face", 4, 6, 8, 10}}));
  EXPECT_EQ(fake().seen().begun, 1);
}

TEST_F(Regions, TheLargestFirstAndNotTooMany) {
  Caption v("interval=0 region-prompt=what? max-regions=2");
  v.play();
  gst_harness_push(v.h(), with(v.frame(0), {{"a", 0, 0, 4, 4},
                                            {"b", 0, 0, 8, 8},
                                            {"c", 0, 0, 6, 6},
                                            {"d", 0, 0, 8, 8},
                                            {"e", 0, 0, 1, 1}}));
  EXPECT_EQ(told(v), (Strings{"", "0,0 8x8 b", "0,0 8x8 d"}));
  EXPECT_EQ(v.stat("regions-left-out"), 3u);
}

TEST_F(Regions, AreClippedToThePicture) {
  Caption v("interval=0 region-prompt=what?");
  v.play("I420", 64, 48);
  gst_harness_push(
      v.h(),
      with(v.frame(0), {{"a", 60, 40, 100, 100}, {"b", 0, 0, G_MAXUINT, 1}, {"c", 63, 47, 1, 1}}));
  EXPECT_EQ(told(v), (Strings{"", "0,0 64x1 b", "60,40 4x8 a", "63,47 1x1 c"}));
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
}

TEST_F(Regions, OfACroppedFrameLieInWhatIsVisible) {
  Caption v("interval=0 region-prompt=what?");
  v.play("I420", 64, 48);
  GstBuffer *frame = with(v.frame(0), {{"a", 0, 0, 20, 20}, {"hidden", 40, 40, 4, 4}});
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(frame);
  crop->x = crop->y = 8;
  crop->width = crop->height = 16;
  gst_harness_push(v.h(), frame);
  EXPECT_EQ(told(v), (Strings{"", "8,8 12x12 a"}));
}

TEST_F(Regions, ThatAreEmptyOrOutsideAreToldOnce) {
  Caption v("interval=0 region-prompt=what?");
  v.play("I420", 64, 48);
  for (int n = 0; n < 2; ++n)
    gst_harness_push(v.h(), with(v.frame(n), {{"empty", 4, 4, 0, 5},
                                              {"outside", 64, 0, 9, 9},
                                              {"far", G_MAXUINT, G_MAXUINT, G_MAXUINT, G_MAXUINT},
                                              {"good", 1, 1, 2, 2}}));
  EXPECT_EQ(fake().seen().begun, 4);
  const auto warning = v.bus().wait(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  EXPECT_EQ(problem_of(warning.get()).domain, GST_STREAM_ERROR);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
}

// Regions belong to their frame: they take no place of their own in the queue, and go with it.
TEST_F(Regions, AreDroppedWithTheirFrame) {
  fake().hold();
  Caption v("interval=0 queue-size=1 region-prompt=what?", true);
  v.wait_loaded();
  v.play();
  const std::vector<Roi> rois = {{"a", 0, 0, 9, 9}, {"b", 0, 0, 5, 5}};
  gst_harness_push(v.h(), with(v.frame(0), rois));
  EXPECT_TRUE(fake().wait_begun(1));
  gst_harness_push(v.h(), with(v.frame(1), rois));
  gst_harness_push(v.h(), with(v.frame(2), rois));
  EXPECT_EQ(v.stat("dropped"), 3u);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(fake().seen().begun, 6);
}

TEST_F(Regions, OfASkippedFrameAreNotAskedAbout) {
  Caption v("interval=0 change-threshold=0.5 region-prompt=what?");
  v.play();
  for (int n = 0; n < 2; ++n)
    gst_harness_push(v.h(), with(v.frame(n), {{"a", 0, 0, 9, 9}}));
  EXPECT_EQ(told(v), (Strings{"", "0,0 9x9 a", ""}));
}

TEST_F(Regions, OfAWindowAreThoseOfItsFirstFrame) {
  Caption v("window=400000000 frames=2 region-prompt=what?");
  v.play();
  for (int n = 0; n < 11; ++n)
    gst_harness_push(v.h(), with(v.frame(n), {{"a", guint(n), 0, 9, 9}}));
  EXPECT_EQ(told(v), (Strings{"", "0,0 9x9 a"}));
  EXPECT_EQ(fake().seen().last.images.size(), 1u);
}

// The last answer about the same kind of thing.
TEST_F(Regions, KnowTheLastAnswerAboutTheirKind) {
  Caption v("interval=0 prompt=all region-prompt=\"still {previous}?\"");
  v.play();
  for (int n = 0; n < 2; ++n)
    gst_harness_push(v.h(), with(v.frame(n), {{"a", 0, 0, 9, 9}, {"b", 0, 0, 5, 5}}));
  EXPECT_EQ(fake().seen().questions,
            (Strings{"all", "still ?", "still ?", "all", "still answer 2?", "still answer 3?"}));
}

TEST_F(Regions, AreCutOutOfEveryFormat) {
  for (const char *format : {"NV12", "YUY2", "BGRA", "P010_10LE", "v210", "Y42B", "RGB16"}) {
    {
      Caption v("interval=0 region-prompt=what?");
      v.play(format, 65, 49);
      gst_harness_push(v.h(), with(v.frame(0), {{"odd", 33, 17, 31, 31}}));
      const FakeSeen seen = fake().seen();
      ASSERT_EQ(seen.begun, 2) << format;
      EXPECT_EQ(seen.last.images.at(0).width, 31) << format;
      EXPECT_EQ(seen.last.images.at(0).height, 31) << format;
    }
    fake().reset();
  }
}

} // namespace
} // namespace vlm::test
