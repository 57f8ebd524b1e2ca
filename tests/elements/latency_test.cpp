// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

namespace vlm::test {
namespace {

using Latency = ElementTest;

constexpr GstClockTime kCamera = 30 * GST_MSECOND;

struct Answer {
  gboolean live = FALSE;
  GstClockTime least = 0, most = 0;
};

Answer ask(Caption &v, const char *pad_name) {
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), pad_name));
  const Own<GstQuery> query(gst_query_new_latency());
  EXPECT_TRUE(gst_pad_query(pad.get(), query.get()));
  Answer answer;
  gst_query_parse_latency(query.get(), &answer.live, &answer.least, &answer.most);
  return answer;
}

TEST_F(Latency, OfSyncModeIsThatOfAnswersToo) {
  Caption v("mode=sync latency=2000000000", true);
  v.text();
  v.play();
  gst_harness_set_upstream_latency(v.h(), kCamera);
  EXPECT_EQ(ask(v, "src").least, kCamera + 2 * GST_SECOND);
  EXPECT_EQ(ask(v, "text_src").least, kCamera + 2 * GST_SECOND);
  EXPECT_EQ(ask(v, "src").most, GST_CLOCK_TIME_NONE);
}

TEST_F(Latency, OfAsyncModeIsOfTextAlone) {
  Caption v("latency=2000000000", true);
  v.text();
  v.play();
  gst_harness_set_upstream_latency(v.h(), kCamera);
  EXPECT_EQ(ask(v, "src").least, kCamera);
  EXPECT_EQ(ask(v, "text_src").least, kCamera + 2 * GST_SECOND);
}

// Upstream of the harness is live and has room for so much.
void expect_most(const std::string &properties, GstClockTime least_of_text) {
  Caption v(properties, true);
  v.text();
  v.play();
  static const Answer camera{TRUE, kCamera, 4 * kFrame};
  const Own<GstPad> source(
      gst_pad_get_peer(Own<GstPad>(gst_element_get_static_pad(v.element(), "sink")).get()));
  gst_pad_add_probe(
      source.get(), GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer) {
        GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
          return GST_PAD_PROBE_OK;
        gst_query_set_latency(query, camera.live, camera.least, camera.most);
        return GST_PAD_PROBE_HANDLED;
      },
      nullptr, nullptr);
  EXPECT_EQ(ask(v, "src").most, camera.most) << properties;
  EXPECT_EQ(ask(v, "text_src").most, camera.most) << properties;
  EXPECT_EQ(ask(v, "text_src").least, least_of_text) << properties;
}

// A promise to wait is no room to wait in: no queue here holds video, and that of text leaks.
TEST_F(Latency, LeavesTheMostAsItIs) {
  expect_most("mode=sync latency=2000000000", kCamera + 2 * GST_SECOND);
  expect_most("mode=async latency=2000000000", kCamera + 2 * GST_SECOND);
  expect_most("mode=async", kCamera);
}

// It is a promise, and no measurement.
TEST_F(Latency, StaysTheSameAfterASlowAnswer) {
  fake().hold();
  Caption v("interval=0 latency=1", true);
  v.text();
  v.play();
  gst_harness_set_upstream_latency(v.h(), kCamera);
  const Answer video = ask(v, "src"), text = ask(v, "text_src");
  v.push(0);
  ASSERT_TRUE(fake().wait_begun(1));
  fake().release();
  ASSERT_TRUE(v.bus().caption());
  EXPECT_TRUE(v.eos().get());
  EXPECT_GT(v.stat("last-latency"), 1u);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_LATENCY)) << "there is nothing to ask again";
  for (const auto &[pad, before] : {std::pair("src", video), std::pair("text_src", text)}) {
    const Answer after = ask(v, pad);
    EXPECT_EQ(after.live, before.live);
    EXPECT_EQ(after.least, before.least);
    EXPECT_EQ(after.most, before.most);
  }
}

TEST_F(Latency, OfAFileIsNone) {
  Caption v("latency=2000000000");
  v.text();
  v.play();
  EXPECT_FALSE(ask(v, "text_src").live);
  EXPECT_EQ(ask(v, "text_src").least, 0u);
}

TEST_F(Latency, ChangeIsToldToThePipeline) {
  Caption v("", true);
  v.play();
  g_object_set(v.element(), "latency", G_GUINT64_CONSTANT(1000000000), nullptr);
  EXPECT_TRUE(v.bus().poll(GST_MESSAGE_LATENCY));
}

// What comes late is dated by its frame all the same, and no GAP overtakes it.
TEST_F(Latency, DatesLiveTextByItsFrame) {
  fake().hold();
  Caption v("interval=200000000 latency=60000000000", true);
  TextLog &text = v.text();
  v.play();
  for (int n = 0; n < 5; ++n)
    v.push(n);
  fake().release();
  ASSERT_TRUE(text.wait_position(5 * kFrame));
  ASSERT_EQ(text.texts().size(), 1u);
  EXPECT_FALSE(text.items().front().gap);
  EXPECT_EQ(text.texts()[0].start, 0u);
  EXPECT_EQ(text.texts()[0].end, 5 * kFrame);
  expect_covered(text.items(), 0, 5 * kFrame);
}

TEST_F(Latency, DatesLiveTextByItsWindow) {
  Caption v("window=200000000 latency=60000000000", true);
  TextLog &text = v.text();
  v.play();
  for (int n = 0; n < 6; ++n)
    v.push(n);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].start, 0u);
  EXPECT_EQ(text.texts()[0].end, 5 * kFrame);
  EXPECT_TRUE(v.eos().get());
  expect_covered(text.items(), 0, 5 * kFrame);
}

TEST_F(Latency, LongerAnswerIsToldOnce) {
  Caption v("mode=sync interval=0 latency=1", true);
  v.play();
  v.push(0);
  v.push(1);
  const Own<GstMessage> warning = v.bus().poll(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  EXPECT_NE(problem_of(warning.get()).text.find("latency is 1"), std::string::npos);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
}

// The time of a window passes before anybody can be asked about it.
TEST_F(Latency, OfWindowsCountsFromTheirStart) {
  Caption v("mode=sync window=60000000000 latency=59000000000", true);
  v.play();
  v.push(0);
  gst_harness_push(v.h(), v.frame_at(60 * GST_SECOND));
  EXPECT_TRUE(v.bus().poll(GST_MESSAGE_WARNING));
}

TEST_F(Latency, AnswersInTimeAreFine) {
  Caption v("mode=sync interval=0 latency=600000000000", true);
  v.play();
  v.push(0);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
}

// The text of a file and text that is dated by its arrival are never late.
TEST_F(Latency, IsOfNoConcernElsewhere) {
  for (const bool live : {false, true}) {
    Caption v("interval=0", live);
    v.play();
    v.push(0);
    EXPECT_TRUE(v.eos().get());
    EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
  }
}

} // namespace
} // namespace vlm::test
