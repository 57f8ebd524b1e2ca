// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <algorithm>
#include <thread>

namespace vlm::test {
namespace {

using Text = ElementTest;

TEST_F(Text, FollowsTheContract) {
  Caption v("interval=200000000");
  TextLog &text = v.text();
  v.play();
  for (int n = 0; n < 12; ++n)
    v.push(n);
  EXPECT_TRUE(v.eos().get());
  ASSERT_TRUE(text.wait_event(GST_EVENT_EOS));

  const auto texts = text.texts();
  ASSERT_EQ(texts.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(texts[i].text, "answer " + std::to_string(i + 1));
    EXPECT_EQ(texts[i].start, i * 5 * kFrame);
    EXPECT_EQ(texts[i].end, (i + 1) * 5 * kFrame);
  }
  expect_covered(text.items(), 0, 12 * kFrame);
  EXPECT_EQ(text.events(), (std::vector<GstEventType>{GST_EVENT_STREAM_START, GST_EVENT_CAPS,
                                                      GST_EVENT_SEGMENT, GST_EVENT_EOS}));
  GstStreamFlags flags = GST_STREAM_FLAG_NONE;
  gst_event_parse_stream_flags(text.event(GST_EVENT_STREAM_START).get(), &flags);
  EXPECT_TRUE(flags & GST_STREAM_FLAG_SPARSE);
}

// GAPs go on while a caption shows: a muxer waits for them.
TEST_F(Text, GapsGoOnDuringACaption) {
  Caption v("interval=10000000000");
  TextLog &text = v.text();
  v.play();
  for (int n = 0; n < 50; ++n)
    v.push(n);
  EXPECT_TRUE(text.wait_position(50 * kFrame));
  EXPECT_EQ(text.texts().size(), 1u);
  expect_covered(text.items(), 0, 50 * kFrame);
}

TEST_F(Text, StreamIdAndGroupAreThoseOfTheVideo) {
  Caption v;
  TextLog &text = v.text();
  GstEvent *start = gst_event_new_stream_start("movie");
  gst_event_set_group_id(start, 42);
  const guint32 seqnum = gst_event_get_seqnum(start);
  gst_harness_push_event(v.h(), start);
  v.play();
  v.push(0);
  ASSERT_TRUE(text.wait_texts(1));
  const auto event = text.event(GST_EVENT_STREAM_START);
  const gchar *id = nullptr;
  guint group = 0;
  gst_event_parse_stream_start(event.get(), &id);
  EXPECT_STREQ(id, "movie/text");
  EXPECT_TRUE(gst_event_parse_group_id(event.get(), &group));
  EXPECT_EQ(group, 42u);
  EXPECT_EQ(gst_event_get_seqnum(event.get()), seqnum);
}

TEST_F(Text, SpecialCharactersAreKeptInPlainText) {
  fake().script({"a < b & c"});
  Caption v;
  TextLog &text = v.text();
  v.play();
  v.push(0);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].text, "a < b & c");
}

// Downstream that takes markup only gets escaped text.
TEST_F(Text, MarkupIsEscaped) {
  fake().script({"a < b & c"});
  GstElement *pipeline =
      gst_parse_launch("videotestsrc num-buffers=2 ! vlmcaption name=v ! fakesink  "
                       "v.text_src ! capsfilter name=t caps=\"text/x-raw,format=pango-markup\" ! "
                       "fakesink async=false",
                       nullptr);
  const Own<GstElement> owner(GST_ELEMENT(gst_object_ref_sink(pipeline)));
  const Own<GstElement> v(gst_bin_get_by_name(GST_BIN(pipeline), "v"));
  const Own<GstPad> pad(gst_element_get_static_pad(v.get(), "text_src"));
  {
    TextLog text(pad.get());
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    ASSERT_TRUE(text.wait_texts(1));
    EXPECT_EQ(text.texts()[0].text, "a &lt; b &amp; c");
    gst_element_set_state(pipeline, GST_STATE_NULL);
  }
}

TEST_F(Text, SkippedFrameRepeatsItsText) {
  Caption v("interval=0 change-threshold=0.1");
  TextLog &text = v.text();
  v.play();
  v.push(0);
  v.push(1);
  ASSERT_TRUE(text.wait_texts(2));
  EXPECT_EQ(text.texts()[1].text, "answer 1");
  EXPECT_EQ(text.texts()[1].start, kFrame);
}

TEST_F(Text, FailedFrameLeavesAGap) {
  fake().fail_request(1, ErrorCategory::Failed, "no");
  Caption v("interval=0 on-error=warn");
  TextLog &text = v.text();
  v.play();
  v.push(0);
  v.push(1);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].start, kFrame);
  expect_covered(text.items(), 0, kFrame);
}

TEST_F(Text, NeverGoesBackWhenTheVideoDoes) {
  Caption v("interval=0");
  TextLog &text = v.text();
  v.play();
  for (const int n : {10, 11, 2, 3})
    v.push(n);
  ASSERT_TRUE(text.wait_texts(4));
  GstClockTime last = 0;
  for (const auto &item : text.items()) {
    EXPECT_GE(item.start, last);
    last = item.start;
  }
}

TEST_F(Text, IsClippedByTheSegment) {
  Caption v("interval=1000000000");
  TextLog &text = v.text();
  v.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.stop = 5 * kFrame;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  v.push(0);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].end, 5 * kFrame);
}

TEST_F(Text, GapsOfTheVideoArePassedOn) {
  Caption v;
  TextLog &text = v.text();
  v.play();
  v.push(0);
  gst_harness_push_event(v.h(), gst_event_new_gap(kFrame, 25 * kFrame));
  EXPECT_TRUE(text.wait_position(26 * kFrame));
}

// ---- async
// ----------------------------------------------------------------------------------------

// GAPs do not wait for the model, so neither do muxers; a caption is dated when it arrives.
TEST_F(Text, GapsOvertakeALateCaption) {
  fake().hold();
  Caption v("interval=10000000000", true);
  TextLog &text = v.text();
  v.play();
  for (int n = 0; n < 25; ++n)
    v.push(n);
  ASSERT_TRUE(text.wait_position(25 * kFrame));
  EXPECT_TRUE(text.texts().empty());
  fake().release();
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].start, 25 * kFrame);
  EXPECT_EQ(text.texts()[0].end, 25 * kFrame + 10 * GST_SECOND);
}

// A caption keeps the segment of its frame.
TEST_F(Text, SegmentsWaitForTheCaptionsBeforeThem) {
  fake().hold();
  Caption v("interval=10000000000", true);
  TextLog &text = v.text();
  v.play();
  v.push(0);
  ASSERT_TRUE(text.wait_position(kFrame));
  ASSERT_TRUE(fake().wait_begun(1));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 100 * kFrame;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  v.push(50);
  fake().release();
  ASSERT_TRUE(text.wait_position(51 * kFrame));
  const auto order = text.order();
  const auto segments = std::count(order.begin(), order.end(), "segment");
  EXPECT_EQ(segments, 2);
  const auto first_text = std::find(order.begin(), order.end(), "text");
  ASSERT_NE(first_text, order.end());
  EXPECT_EQ(std::count(order.begin(), first_text, "segment"), 1);
}

TEST_F(Text, EosComesAfterTheLastCaption) {
  fake().hold();
  Caption v("interval=0", true);
  TextLog &text = v.text();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  auto eos = v.eos();
  fake().release();
  EXPECT_TRUE(eos.get());
  ASSERT_TRUE(text.wait_event(GST_EVENT_EOS));
  EXPECT_EQ(text.texts().size(), 1u);
}

// ---- flush
// ----------------------------------------------------------------------------------------

TEST_F(Text, FlushEmptiesThePadAndItGoesOn) {
  fake().hold();
  fake().deaf();
  Caption v("interval=0", true);
  TextLog &text = v.text();
  v.play();
  v.push(100);
  EXPECT_TRUE(fake().wait_begun(1));
  gst_harness_push_event(v.h(), gst_event_new_flush_start());
  gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
  const auto events = text.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_FLUSH_START), 1);
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_FLUSH_STOP), 1);
  text.clear();
  v.segment();
  fake().release();
  EXPECT_TRUE(fake().wait_ended(1));
  v.push(1);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_LE(text.texts()[0].start, 2 * kFrame); // not where the old position was
  EXPECT_EQ(text.texts()[0].text, "answer 2");
}

// A flush before the task had its turn must not lose STREAM_START.
TEST_F(Text, StickyEventsSurviveAFlush) {
  Caption v("interval=0");
  TextLog &text = v.text();
  v.play();
  for (int i = 0; i < 50; ++i) {
    gst_harness_push_event(v.h(), gst_event_new_stream_start(std::to_string(i).c_str()));
    gst_harness_push_event(v.h(), gst_event_new_flush_start());
    gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
    text.clear();
    v.push(0);
    ASSERT_TRUE(text.wait_texts(1));
    const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
    const Own<GstEvent> start(gst_pad_get_sticky_event(pad.get(), GST_EVENT_STREAM_START, 0));
    ASSERT_TRUE(start);
    const gchar *id = nullptr;
    gst_event_parse_stream_start(start.get(), &id);
    EXPECT_EQ(id, std::to_string(i) + "/text");
  }
}

// A pipeline sends its seek to both sinks; upstream gets it once, whichever pad it came through.
TEST_F(Text, SeekGoesUpstreamOnce) {
  Caption v;
  TextLog &text = v.text();
  (void)text;
  v.play();
  GstEvent *seek = gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                      GST_SEEK_TYPE_NONE, -1);
  const Own<GstPad> text_pad(gst_element_get_static_pad(v.element(), "text_src"));
  const Own<GstPad> video_pad(gst_element_get_static_pad(v.element(), "src"));
  gst_pad_send_event(text_pad.get(), gst_event_ref(seek));
  gst_pad_send_event(video_pad.get(), seek);
  int seeks = 0;
  while (const Own<GstEvent> event{gst_harness_try_pull_upstream_event(v.h())})
    seeks += GST_EVENT_TYPE(event.get()) == GST_EVENT_SEEK;
  EXPECT_EQ(seeks, 1);
}

// Late text says nothing about the decoder.
TEST_F(Text, QosOfTextStaysHere) {
  Caption v;
  v.text();
  v.play();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  EXPECT_TRUE(gst_pad_send_event(
      pad.get(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND, GST_SECOND)));
  while (const Own<GstEvent> event{gst_harness_try_pull_upstream_event(v.h())})
    EXPECT_NE(GST_EVENT_TYPE(event.get()), GST_EVENT_QOS);
}

TEST_F(Text, QueriesAreAnsweredByTheVideo) {
  Caption v("", true);
  v.text();
  v.play();
  gst_harness_set_upstream_latency(v.h(), 30 * GST_MSECOND);
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  GstQuery *query = gst_query_new_latency();
  EXPECT_TRUE(gst_pad_query(pad.get(), query));
  gboolean live = FALSE;
  GstClockTime least = 0;
  gst_query_parse_latency(query, &live, &least, nullptr);
  gst_query_unref(query);
  EXPECT_TRUE(live);
  EXPECT_EQ(least, 30 * GST_MSECOND);
}

// ---- the pad comes and goes
// -----------------------------------------------------------------------

TEST_F(Text, MayBeRequestedWhilePlaying) {
  Caption v("interval=0");
  v.play();
  v.push(0);
  TextLog &text = v.text();
  v.push(1);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].start, kFrame);
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  for (const GstEventType type : {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT})
    EXPECT_TRUE(Own<GstEvent>(gst_pad_get_sticky_event(pad.get(), type, 0)))
        << gst_event_type_get_name(type);
}

TEST_F(Text, MayBeReleasedWithACaptionUnderWay) {
  fake().hold();
  Caption v("interval=0", true);
  v.play();
  for (int i = 0; i < 50; ++i) {
    GstPad *pad = gst_element_request_pad_simple(v.element(), "text_src");
    ASSERT_TRUE(pad);
    v.push(i);
    gst_element_release_request_pad(v.element(), pad);
    gst_object_unref(pad);
  }
  fake().release();
  EXPECT_TRUE(v.eos().get());
}

TEST_F(Text, UnlinkedPadDisturbsNobody) {
  Caption v("interval=0");
  const Own<GstPad> pad(gst_element_request_pad_simple(v.element(), "text_src"));
  v.play();
  for (int n = 0; n < 600; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
}

// Nobody reads: a live video goes on, the text that waits is bounded.
void expect_live_video_goes_on(const std::string &properties) {
  Caption v("interval=0 queue-policy=block " + properties, true);
  TextLog &text = v.text();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  const gulong blocked = block(pad.get());
  v.play();
  for (int n = 0; n < 600; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(v.stat("answered"), 600u);
  gst_pad_remove_probe(pad.get(), blocked);
  EXPECT_TRUE(text.wait_event(GST_EVENT_EOS));
  EXPECT_LE(text.texts().size(), 256u + 1);          // those that wait, and the one under way
  EXPECT_EQ(text.texts().back().text, "answer 600"); // the newest are kept
  expect_covered(text.items(), 0, 600 * kFrame);
}

TEST_F(Text, BlockedReaderDoesNotStopLiveVideo) {
  expect_live_video_goes_on("");
  fake().reset();
  expect_live_video_goes_on("latency=60000000000"); // text is dated by its frame
}

// A file that waits for its text branch goes on when the branch is taken away.
TEST_F(Text, ReleasingABlockedPadLetsTheFileGoOn) {
  Caption v("interval=0");
  v.play();
  Own<GstPad> pad(gst_element_request_pad_simple(v.element(), "text_src"));
  block(pad.get());
  auto pushed = std::async(std::launch::async, [&] {
    GstFlowReturn flow = GST_FLOW_OK;
    for (int n = 0; n < 600 && flow == GST_FLOW_OK; ++n)
      flow = v.push(n);
    return flow;
  });
  EXPECT_TRUE(fake().wait_ended(128)); // of which texts and GAPs fill the queue
  while (v.stat("frames") < 129)
    std::this_thread::yield();
  gst_element_release_request_pad(v.element(), pad.get());
  EXPECT_EQ(pushed.get(), GST_FLOW_OK);
  EXPECT_EQ(v.stat("answered"), 600u);
}

// A text branch that shuts down alone does not stop the video, and may come back.
TEST_F(Text, FlushingBranchDoesNotStopAFile) {
  Caption v("interval=0");
  TextLog &text = v.text();
  v.play();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  const Own<GstPad> peer(gst_pad_get_peer(pad.get()));
  gst_pad_set_active(peer.get(), FALSE);
  for (int n = 0; n < 600; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  gst_pad_set_active(peer.get(), TRUE);
  ASSERT_TRUE(text.wait_position(600 * kFrame));
  text.clear();
  v.push(600);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].text, "answer 601");
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
}

// In sync mode nothing is lost: the video waits, until somebody reads or it is stopped.
TEST_F(Text, BlockedReaderHoldsAFileAndStopDoesNotWait) {
  Caption v("interval=0");
  v.text();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  block(pad.get());
  v.play();
  auto pushed = std::async(std::launch::async, [&] {
    GstFlowReturn flow = GST_FLOW_OK;
    for (int n = 0; n < 600 && flow == GST_FLOW_OK; ++n)
      flow = v.push(n);
    return flow;
  });
  EXPECT_TRUE(fake().wait_ended(100));
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_NULL); }), kAtOnce);
  EXPECT_EQ(pushed.get(), GST_FLOW_FLUSHING);
}

} // namespace
} // namespace vlm::test
