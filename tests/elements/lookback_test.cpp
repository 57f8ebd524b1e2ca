// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <random>

namespace vlm::test {
namespace {

using LookBack = ElementTest;

constexpr GstClockTime kHalf = GST_SECOND / 2;

// Nothing but the questions, after the first frame.
constexpr const char *kRarely = "interval=1000000000000 mode=async ";

guint64 ask_at(Caption &v, GstClockTime pts) {
  guint64 id = 0;
  g_signal_emit_by_name(v.element(), "ask-at", "what was there?", pts, &id);
  return id;
}

// Which frame the answer looked at.
GstClockTime looked_at(Caption &v, GstClockTime pts) {
  EXPECT_NE(ask_at(v, pts), 0u) << pts;
  const auto answer = v.bus().answer();
  if (!answer)
    return GST_CLOCK_TIME_NONE;
  const GValue *frames = gst_structure_get_value(answer.get(), "frames");
  EXPECT_EQ(gst_value_array_get_size(frames), 1u);
  const guint64 frame = g_value_get_uint64(gst_value_array_get_value(frames, 0));
  EXPECT_EQ(time_field(answer.get(), "pts"), frame);
  return frame;
}

void expect_refused(Caption &v, GstClockTime pts, const char *word) {
  EXPECT_EQ(ask_at(v, pts), 0u);
  const auto warning = v.bus().wait(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  const std::string text = problem_of(warning.get()).text;
  EXPECT_NE(text.find(word), std::string::npos) << text;
}

// Frames of every quarter of a second, each brighter than the one before.
void push_quarters(Caption &v, int count) {
  for (int n = 0; n < count; ++n) {
    gst_harness_push(v.h(), v.frame_at(n * kHalf / 2, 40 + 10 * n));
    v.pull();
  }
}

TEST_F(LookBack, AnswersFromTheFrameBefore) {
  Caption v(std::string(kRarely) + "look-back=10000000000");
  v.play("GRAY8");
  push_quarters(v, 9);
  EXPECT_EQ(looked_at(v, 3 * kHalf + 7), 3 * kHalf);
  const Image seen = fake().seen().last.images.at(0);
  EXPECT_EQ(seen.width, 64);
  EXPECT_EQ(seen.height, 48);
  EXPECT_NEAR(seen.rgb.at(0), 40 + 10 * 6, 3);
  EXPECT_EQ(looked_at(v, 3 * kHalf), 3 * kHalf);
  EXPECT_EQ(looked_at(v, 0), 0u);
  EXPECT_EQ(looked_at(v, 4 * kHalf + kFrame / 2), 4 * kHalf);
}

TEST_F(LookBack, RefusesWhatItHasNot) {
  Caption v(std::string(kRarely) + "look-back=1000000000");
  v.play("GRAY8");
  expect_refused(v, 0, "holds nothing");
  push_quarters(v, 9);
  expect_refused(v, kHalf, "pts 500000000 lies outside of the look-back");
  expect_refused(v, 5 * kHalf, "2500000000");
  EXPECT_EQ(looked_at(v, 2 * kHalf), 2 * kHalf);
  g_object_set(v.element(), "look-back", guint64{0}, nullptr);
  expect_refused(v, 2 * kHalf, "look-back=0");
}

TEST_F(LookBack, TakesNoMoreThanItsBytes) {
  Caption v(std::string(kRarely) + "look-back=1000000000000 look-back-bytes=1048576");
  v.play("RGB", 640, 480);
  std::minstd_rand random(1);
  for (int n = 0; n < 24; ++n) { // noise: more than 100 kB each
    GstBuffer *frame = v.frame_at(n * kHalf);
    GstMapInfo map;
    gst_buffer_map(frame, &map, GST_MAP_WRITE);
    for (gsize i = 0; i < map.size; ++i)
      map.data[i] = static_cast<guint8>(random() >> 8);
    gst_buffer_unmap(frame, &map);
    gst_harness_push(v.h(), frame);
    v.pull();
  }
  expect_refused(v, 8 * kHalf, "outside");
  EXPECT_EQ(looked_at(v, 23 * kHalf), 23 * kHalf);
}

// However fast frames come, every one that is due is kept.
TEST_F(LookBack, LosesNothingInAHurry) {
  Caption v(std::string(kRarely) + "look-back=1000000000000");
  v.play("RGB", 1344, 672);
  for (int n = 0; n < 30; ++n) {
    gst_harness_push(v.h(), v.frame_at(n * kHalf));
    v.pull();
  }
  for (const int n : {0, 1, 13, 28, 29})
    EXPECT_EQ(looked_at(v, n * kHalf), n * kHalf);
  const Image seen = fake().seen().last.images.at(0);
  EXPECT_EQ(seen.width, 672);
  EXPECT_EQ(seen.height, 336);
}

TEST_F(LookBack, IsForgottenByAFlushASegmentAndARestart) {
  Caption v(std::string(kRarely) + "look-back=10000000000");
  v.play("GRAY8");
  push_quarters(v, 3);
  v.flush();
  expect_refused(v, 0, "holds nothing");
  push_quarters(v, 3);
  EXPECT_EQ(looked_at(v, 0), 0u);
  v.segment(kHalf);
  expect_refused(v, 0, "holds nothing");
  gst_element_set_state(v.element(), GST_STATE_READY);
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  expect_refused(v, kHalf, "holds nothing");
  v.play("GRAY8");
  push_quarters(v, 3);
  EXPECT_EQ(looked_at(v, 0), 0u);
}

TEST_F(LookBack, IsAskedByEvent) {
  Caption v(std::string(kRarely) + "look-back=10000000000");
  v.play("GRAY8");
  push_quarters(v, 5);
  EXPECT_TRUE(gst_harness_push_upstream_event(
      v.h(),
      gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                           gst_structure_new("vlmcaption/ask", "question", G_TYPE_STRING, "then?",
                                             "pts", G_TYPE_UINT64, kHalf + 1, nullptr))));
  EXPECT_EQ(time_field(v.bus().answer().get(), "pts"), kHalf);
}

// A frame that is no picture is not there to ask about.
TEST_F(LookBack, SkipsUnusableFrames) {
  Caption v(std::string(kRarely) + "look-back=10000000000 on-error=warn");
  v.play("GRAY8");
  push_quarters(v, 1);
  GstBuffer *broken = gst_buffer_new_allocate(nullptr, 5, nullptr);
  GST_BUFFER_PTS(broken) = kHalf;
  gst_harness_push(v.h(), broken);
  gst_element_set_state(v.element(), GST_STATE_READY); // whoever compresses it is done
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
}

} // namespace
} // namespace vlm::test
