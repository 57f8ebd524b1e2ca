// SPDX-License-Identifier: LGPL-2.1-or-later
// Request pads in odd moments: requested late, flushed in between, released while their reader
// holds them up; what they pass on of the video's events, and readers that fail.
#include "tests/support/harness.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace vlm::test {
namespace {

using TextPads = ElementTest;

Own<GstPad> request(Caption &v, const char *name = "text_src") {
  return Own<GstPad>(gst_element_request_pad_simple(v.element(), name));
}

Own<GstElement> make_sink(bool async = false) {
  Own<GstElement> sink(
      GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("fakesink", nullptr))));
  g_object_set(sink.get(), "async", async, "sync", FALSE, nullptr);
  return sink;
}

// Takes one format of text only.
Own<GstElement> make_reader(const std::string &format) {
  const std::string line =
      "capsfilter caps=text/x-raw,format=" + format + " ! fakesink async=false sync=false";
  Own<GstElement> reader(GST_ELEMENT(
      gst_object_ref_sink(gst_parse_bin_from_description(line.c_str(), TRUE, nullptr))));
  gst_element_set_state(reader.get(), GST_STATE_PLAYING);
  return reader;
}

Own<GstPad> sink_pad(const Own<GstElement> &sink) {
  return Own<GstPad>(gst_element_get_static_pad(sink.get(), "sink"));
}

bool has_sticky(GstPad *pad, GstEventType type) {
  return Own<GstEvent>(gst_pad_get_sticky_event(pad, type, 0)) != nullptr;
}

void push_event(Caption &v, GstEvent *event) { gst_harness_push_event(v.h(), event); }

void push_segment(Caption &v, guint64 base, guint32 seqnum = 0) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = base;
  GstEvent *event = gst_event_new_segment(&segment);
  if (seqnum)
    gst_event_set_seqnum(event, seqnum);
  push_event(v, event);
}

// ---- flushes
// --------------------------------------------------------------------------------------

TEST_F(TextPads, RequestedDuringAFlushKnowTheirStream) {
  Caption v("interval=0");
  v.play();
  for (int i = 0; i < 300; ++i) {
    push_event(v, gst_event_new_flush_start());
    const auto pad = request(v);
    push_event(v, gst_event_new_flush_stop(TRUE));
    v.segment();
    TextLog log(pad.get());
    const auto sink = make_sink();
    gst_element_set_state(sink.get(), GST_STATE_PLAYING);
    ASSERT_EQ(gst_pad_link(pad.get(), sink_pad(sink).get()), GST_PAD_LINK_OK);
    ASSERT_EQ(v.push(0), GST_FLOW_OK);
    ASSERT_TRUE(log.wait_texts(1));
    ASSERT_TRUE(has_sticky(pad.get(), GST_EVENT_STREAM_START)) << i;
    gst_element_release_request_pad(v.element(), pad.get());
    gst_element_set_state(sink.get(), GST_STATE_NULL);
  }
}

// The task may be anywhere when a FLUSH_STOP comes, above all when no FLUSH_START did.
TEST_F(TextPads, LoneFlushStopTouchesNothingOfARunningTask) {
  Caption v("interval=0");
  std::vector<Own<GstPad>> pads;
  for (const char *name : {"text_src", "prompt_src", "json_src"})
    pads.push_back(request(v, name));
  v.play();
  for (int i = 0; i < 3000; ++i) {
    push_segment(v, static_cast<guint64>(i));
    push_event(v, gst_event_new_flush_stop(TRUE));
  }
  v.segment();
  TextLog &log = v.text();
  v.push(0);
  EXPECT_TRUE(log.wait_texts(1));
}

// What the reader said to something from before is not said to what comes after.
TEST_F(TextPads, FlushStopForgetsWhatIsOnlyNowBeingPushed) {
  Caption v("interval=0");
  TextLog &log = v.text();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  v.play();
  struct Gate {
    int texts = 0;
    std::promise<void> held{}, go{};
  } gate;
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto *gate = static_cast<Gate *>(data);
        if (gate->texts++ > 0)
          return GST_PAD_PROBE_OK;
        gate->held.set_value();
        gate->go.get_future().wait();
        gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
        return GST_PAD_PROBE_HANDLED;
      },
      &gate, nullptr);
  v.push(0);
  gate.held.get_future().wait();
  push_event(v, gst_event_new_flush_stop(TRUE));
  gate.go.set_value();
  v.segment();
  log.clear();
  v.push(1);
  EXPECT_TRUE(log.wait_texts(1));
}

// A stream that the task has not heard of yet begins all the same.
TEST_F(TextPads, LoneFlushStopLosesNoStreamStart) {
  Caption v("interval=0");
  TextLog &log = v.text();
  v.play();
  for (int i = 0; i < 100; ++i) {
    push_event(v, gst_event_new_stream_start(std::to_string(i).c_str()));
    push_event(v, gst_event_new_flush_stop(TRUE));
    v.segment();
    log.clear();
    v.push(0);
    ASSERT_TRUE(log.wait_texts(1));
    const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
    const Own<GstEvent> start(gst_pad_get_sticky_event(pad.get(), GST_EVENT_STREAM_START, 0));
    const gchar *id = nullptr;
    gst_event_parse_stream_start(start.get(), &id);
    ASSERT_EQ(id, std::to_string(i) + "/text");
  }
}

// Upstream that says FLUSH_STOP and no SEGMENT: sinks would count in the one from before.
TEST_F(TextPads, HaveASegmentEvenIfTheVideoHasNone) {
  Caption v("interval=0");
  TextLog &log = v.text();
  v.play();
  push_segment(v, 7);
  v.push(0);
  ASSERT_TRUE(log.wait_texts(1));
  push_event(v, gst_event_new_flush_start());
  push_event(v, gst_event_new_flush_stop(FALSE));
  log.clear();
  v.push(1);
  ASSERT_TRUE(log.wait_texts(1));
  const auto event = log.event(GST_EVENT_SEGMENT);
  ASSERT_TRUE(event);
  const GstSegment *segment = nullptr;
  gst_event_parse_segment(event.get(), &segment);
  EXPECT_EQ(segment->format, GST_FORMAT_TIME);
  EXPECT_EQ(segment->base, 0u);
  const auto order = log.order();
  EXPECT_LT(std::find(order.begin(), order.end(), "segment"),
            std::find(order.begin(), order.end(), "text"));
}

// ---- after the end
// --------------------------------------------------------------------------------------

// The sink prerolls with the EOS, whatever the order of linking and starting it.
TEST_F(TextPads, RequestedAfterTheEndGetIt) {
  for (const bool starts_first : {true, false}) {
    Caption v("interval=0");
    v.play();
    v.push(0);
    ASSERT_TRUE(v.eos().get());
    const auto pad = request(v);
    TextLog log(pad.get());
    const auto sink = make_sink(true);
    if (starts_first)
      gst_element_set_state(sink.get(), GST_STATE_PAUSED);
    ASSERT_EQ(gst_pad_link(pad.get(), sink_pad(sink).get()), GST_PAD_LINK_OK);
    if (!starts_first)
      gst_element_set_state(sink.get(), GST_STATE_PAUSED);
    EXPECT_TRUE(log.wait_event(GST_EVENT_EOS)) << starts_first;
    EXPECT_EQ(gst_element_get_state(sink.get(), nullptr, nullptr, 10 * GST_SECOND),
              GST_STATE_CHANGE_SUCCESS);
    auto events = log.events(); // a stream that nobody heard begin begins again
    events.erase(std::unique(events.begin(), events.end()), events.end());
    EXPECT_EQ(events, (std::vector<GstEventType>{GST_EVENT_STREAM_START, GST_EVENT_CAPS,
                                                 GST_EVENT_SEGMENT, GST_EVENT_EOS}));
    gst_element_release_request_pad(v.element(), pad.get());
    gst_element_set_state(sink.get(), GST_STATE_NULL);
  }
}

// What ended is over: the next stream's pads are not told.
TEST_F(TextPads, RequestedAfterANewBeginningGetNoEnd) {
  const auto begins = [](int how, Caption &v) {
    if (how == 0)
      push_event(v, gst_event_new_stream_start("next"));
    if (how == 1) {
      push_event(v, gst_event_new_flush_start());
      push_event(v, gst_event_new_flush_stop(TRUE));
    }
    v.segment();
  };
  for (const int how : {0, 1}) {
    Caption v("interval=0");
    v.play();
    v.push(0);
    ASSERT_TRUE(v.eos().get());
    begins(how, v);
    TextLog &log = v.text();
    v.push(1);
    ASSERT_TRUE(log.wait_texts(1)) << how;
    const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
    EXPECT_FALSE(has_sticky(pad.get(), GST_EVENT_EOS)) << how;
  }
}

// SEGMENT_DONE is no end.
TEST_F(TextPads, RequestedAfterASegmentIsDoneAreNotTold) {
  Caption v("interval=0");
  v.play();
  v.push(0);
  push_event(v, gst_event_new_segment_done(GST_FORMAT_TIME, kFrame));
  TextLog &log = v.text();
  v.segment();
  v.push(1);
  ASSERT_TRUE(log.wait_texts(1));
  const auto events = log.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_SEGMENT_DONE), 0);
}

// ---- coming and going
// --------------------------------------------------------------------------------------

// A task that runs before that is nobody's: its start is not told on the bus.
TEST_F(TextPads, HaveAParentBeforeTheirTaskStarts) {
  Caption v("interval=0");
  v.play();
  v.push(0);
  const auto pad = request(v);
  bool told = false;
  while (const auto message = v.bus().poll(GST_MESSAGE_STREAM_STATUS))
    told |= GST_MESSAGE_SRC(message.get()) == GST_OBJECT(pad.get());
  EXPECT_TRUE(told);
  gst_element_release_request_pad(v.element(), pad.get());
}

// A sink that was paused keeps its first buffer, and with it the pad's thread.
TEST_F(TextPads, MayBeReleasedWhileASinkPrerolls) {
  Caption v("interval=0");
  v.play();
  const auto pad = request(v);
  const auto sink = make_sink(true);
  gst_element_set_state(sink.get(), GST_STATE_PAUSED);
  ASSERT_EQ(gst_pad_link(pad.get(), sink_pad(sink).get()), GST_PAD_LINK_OK);
  v.push(0);
  ASSERT_EQ(gst_element_get_state(sink.get(), nullptr, nullptr, 10 * GST_SECOND),
            GST_STATE_CHANGE_SUCCESS);
  auto released = std::async(std::launch::async,
                             [&] { gst_element_release_request_pad(v.element(), pad.get()); });
  const bool done = released.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
  EXPECT_TRUE(done);
  if (!done)
    gst_element_set_state(sink.get(), GST_STATE_NULL);
  released.get();

  // The same sink takes the next pad.
  const auto next = request(v);
  TextLog log(next.get());
  ASSERT_EQ(gst_pad_link(next.get(), sink_pad(sink).get()), GST_PAD_LINK_OK);
  v.push(1);
  EXPECT_TRUE(log.wait_texts(1));
  EXPECT_EQ(gst_element_get_state(sink.get(), nullptr, nullptr, 10 * GST_SECOND),
            GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(sink.get(), GST_STATE_NULL);
  gst_element_release_request_pad(v.element(), next.get());
}

// Who reads in time is not flushed: a sink would lose its state for it.
TEST_F(TextPads, ReleasedWhileNobodyIsHeldUpFlushNobody) {
  Caption v("interval=0");
  v.play();
  const auto pad = request(v);
  TextLog log(pad.get());
  const auto sink = make_sink();
  gst_element_set_state(sink.get(), GST_STATE_PLAYING);
  ASSERT_EQ(gst_pad_link(pad.get(), sink_pad(sink).get()), GST_PAD_LINK_OK);
  v.push(0);
  ASSERT_TRUE(log.wait_position(kFrame));
  gst_element_release_request_pad(v.element(), pad.get());
  const auto events = log.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_FLUSH_START), 0);
  gst_element_set_state(sink.get(), GST_STATE_NULL);
}

// A pad that was requested early agrees on caps with the peer that it gets later, and with the
// next.
TEST_F(TextPads, AgreeOnCapsWithALatePeer) {
  fake().script({"a < b"});
  Caption v("interval=0");
  v.play();
  const auto pad = request(v);
  v.push(0);
  TextLog text(pad.get());
  for (const char *format : {"pango-markup", "utf8", "pango-markup"}) {
    const auto reader = make_reader(format);
    const auto peer = sink_pad(reader);
    text.clear();
    ASSERT_EQ(gst_pad_link(pad.get(), peer.get()), GST_PAD_LINK_OK);
    v.push(static_cast<int>(v.stat("frames")));
    ASSERT_TRUE(text.wait_texts(1));
    EXPECT_EQ(text.texts()[0].text, format == std::string("utf8") ? "a < b" : "a &lt; b");
    gst_pad_unlink(pad.get(), peer.get());
    gst_element_set_state(reader.get(), GST_STATE_NULL);
  }
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
  gst_element_release_request_pad(v.element(), pad.get());
}

// The task may be in the middle of a push while the application links another reader, which
// takes other caps: no error, and the new one gets the text.
TEST_F(TextPads, MayBeLinkedAnewDuringAPush) {
  fake().script({"a < b"});
  Caption v("interval=0");
  v.play();
  const auto pad = request(v);
  const auto plain = make_reader("utf8"), markup = make_reader("pango-markup");
  ASSERT_EQ(gst_pad_link(pad.get(), sink_pad(plain).get()), GST_PAD_LINK_OK);
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *pad, GstPadProbeInfo *, gpointer next) {
        const Own<GstPad> peer(gst_pad_get_peer(pad));
        gst_pad_unlink(pad, peer.get());
        gst_pad_link(pad, static_cast<GstPad *>(next));
        return GST_PAD_PROBE_REMOVE;
      },
      sink_pad(markup).release(), gst_object_unref);
  TextLog log(sink_pad(markup).get());
  v.push(0);
  ASSERT_TRUE(log.wait_texts(1));
  EXPECT_EQ(log.texts()[0].text, "a &lt; b");
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
  gst_element_release_request_pad(v.element(), pad.get());
  for (const auto &reader : {plain.get(), markup.get()})
    gst_element_set_state(reader, GST_STATE_NULL);
}

// ---- what nobody reads
// --------------------------------------------------------------------------------------

// Segments, tags, streams, events of others: all of them bounded, and the newest are kept.
TEST_F(TextPads, UnreadEventsAreBounded) {
  Caption v("interval=0", true);
  TextLog &log = v.text();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  const gulong blocked = block(pad.get());
  v.play();
  v.push(0);
  for (int i = 0; i < 3000; ++i) {
    if (i % 3 == 0)
      push_event(v, gst_event_new_stream_start(std::to_string(i).c_str()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.base = static_cast<guint64>(i) + 1;
    push_event(v, gst_event_new_segment(&segment));
    push_event(v, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                       gst_structure_new_empty("somebody/else")));
    push_event(v, gst_event_new_gap(static_cast<guint64>(i) * kFrame, kFrame));
  }
  gst_pad_remove_probe(pad.get(), blocked);
  EXPECT_TRUE(v.eos().get());
  ASSERT_TRUE(log.wait_event(GST_EVENT_EOS));
  EXPECT_LE(log.events().size(), 300u);
  const GstSegment *last = nullptr;
  const auto event = log.event(GST_EVENT_SEGMENT);
  gst_event_parse_segment(event.get(), &last);
  EXPECT_EQ(last->base, 3000u);
  const gchar *id = nullptr;
  const auto start = log.event(GST_EVENT_STREAM_START);
  gst_event_parse_stream_start(start.get(), &id);
  EXPECT_STREQ(id, "2997/text");
}

// An application hears of it once, and of the property that has to do with it.
TEST_F(TextPads, DroppedTextIsToldOnce) {
  Caption v("interval=0 queue-policy=block", true);
  v.text();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  const gulong blocked = block(pad.get());
  v.play();
  for (int n = 0; n < 600; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  EXPECT_TRUE(v.eos().get());
  const auto warning = v.bus().poll(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  EXPECT_NE(problem_of(warning.get()).text.find("latency"), std::string::npos);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
  gst_pad_remove_probe(pad.get(), blocked);
}

TEST_F(TextPads, ShiftedTextIsToldOnce) {
  Caption v("interval=0");
  TextLog &log = v.text();
  v.play();
  for (const int n : {10, 11, 2, 3})
    v.push(n);
  ASSERT_TRUE(log.wait_texts(4));
  const auto warning = v.bus().poll(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  EXPECT_NE(problem_of(warning.get()).text.find("latency"), std::string::npos);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
}

// ---- events of the video
// --------------------------------------------------------------------------------------

GstEvent *custom(const char *name) {
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty(name));
}

// In their place: behind the answers that are still to come.
TEST_F(TextPads, PassOnEventsOfOthersInOrder) {
  fake().hold();
  Caption v("interval=10000000000", true);
  TextLog &log = v.text();
  v.play();
  v.push(0);
  ASSERT_TRUE(log.wait_position(kFrame));
  ASSERT_TRUE(fake().wait_begun(1));
  push_event(v, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "A film", nullptr)));
  push_event(v, custom("somebody/else"));
  push_event(v, gst_event_new_stream_group_done(7));
  fake().release();
  EXPECT_TRUE(v.eos().get());
  ASSERT_TRUE(log.wait_event(GST_EVENT_EOS));
  const auto order = log.order();
  const auto place = [&](const char *name) {
    return std::find(order.begin(), order.end(), name) - order.begin();
  };
  EXPECT_LT(place("text"), place("tag"));
  EXPECT_LT(place("tag"), place("custom-downstream"));
  EXPECT_LT(place("custom-downstream"), place("stream-group-done"));
  EXPECT_LT(place("stream-group-done"), place("eos"));
}

// A muxer would take the video's codec for the text's.
TEST_F(TextPads, PassOnNoTagsOfTheVideosCoding) {
  Caption v("interval=0");
  TextLog &log = v.text();
  v.play();
  v.push(0);
  push_event(v, gst_event_new_tag(gst_tag_list_new(GST_TAG_VIDEO_CODEC, "H.264", nullptr)));
  push_event(v, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "A film", GST_TAG_VIDEO_CODEC,
                                                   "H.264", GST_TAG_BITRATE, 1000u, nullptr)));
  EXPECT_TRUE(v.eos().get());
  ASSERT_TRUE(log.wait_event(GST_EVENT_EOS));
  const auto events = log.events();
  ASSERT_EQ(std::count(events.begin(), events.end(), GST_EVENT_TAG), 1);
  GstTagList *tags = nullptr;
  const auto event = log.event(GST_EVENT_TAG);
  gst_event_parse_tag(event.get(), &tags);
  EXPECT_EQ(gst_tag_list_n_tags(tags), 1);
  // The video keeps all.
  int of_video = 0;
  while (const Own<GstEvent> each{gst_harness_try_pull_event(v.h())})
    of_video += GST_EVENT_TYPE(each.get()) == GST_EVENT_TAG;
  EXPECT_EQ(of_video, 2);
}

// Not serialised: at once, whatever waits.
TEST_F(TextPads, PassOnAnotherRateAtOnce) {
  fake().hold();
  Caption v("interval=0 queue-policy=block queue-size=9", true);
  TextLog &log = v.text();
  v.play();
  v.push(0);
  ASSERT_TRUE(log.wait_position(kFrame));
  push_event(v, gst_event_new_instant_rate_change(2.0, GST_SEGMENT_FLAG_NONE));
  EXPECT_TRUE(log.event(GST_EVENT_INSTANT_RATE_CHANGE));
}

// A pad that comes late hears of what still holds.
TEST_F(TextPads, ThatComeLateHearOfTagsAndRate) {
  Caption v("interval=0");
  v.play();
  push_event(v, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "A film", nullptr)));
  push_event(v, gst_event_new_instant_rate_change(2.0, GST_SEGMENT_FLAG_NONE));
  v.push(0);
  TextLog &log = v.text();
  v.push(1);
  ASSERT_TRUE(log.wait_texts(1));
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  EXPECT_TRUE(has_sticky(pad.get(), GST_EVENT_TAG));
  EXPECT_TRUE(has_sticky(pad.get(), GST_EVENT_INSTANT_RATE_CHANGE));
}

// What the other captioner says about its video is not said by this one.
TEST_F(TextPads, PassOnNoRecordsOfAnotherCaptioner) {
  Caption v("interval=0");
  TextLog &log = v.text();
  v.play();
  v.push(0);
  push_event(v, custom("vlmcaption/record"));
  EXPECT_TRUE(v.eos().get());
  ASSERT_TRUE(log.wait_event(GST_EVENT_EOS));
  const auto events = log.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_CUSTOM_DOWNSTREAM), 0);
}

// A seek is recognised by the number of the segment that came of it.
TEST_F(TextPads, EventsHaveTheNumberOfTheirSegment) {
  fake().hold(); // a caption would cover what the GAP shall
  Caption v("interval=10000000000", true);
  TextLog &log = v.text();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  std::atomic<guint32> gap{0};
  const gulong probe = gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer out) {
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) == GST_EVENT_GAP)
          *static_cast<std::atomic<guint32> *>(out) = gst_event_get_seqnum(event);
        return GST_PAD_PROBE_OK;
      },
      &gap, nullptr);
  gst_harness_push_event(v.h(), gst_event_new_stream_start("movie"));
  v.play();
  push_segment(v, 7, 4242);
  v.push(0);
  v.push(1);
  ASSERT_TRUE(log.wait_position(2 * kFrame));
  EXPECT_EQ(gap, 4242u);
  const auto caps = log.event(GST_EVENT_CAPS), segment = log.event(GST_EVENT_SEGMENT);
  EXPECT_EQ(gst_event_get_seqnum(segment.get()), 4242u);
  gst_pad_remove_probe(pad.get(), probe);
}

TEST_F(TextPads, CapsHaveTheNumberOfTheirSegment) {
  Caption v("interval=0");
  v.play();
  push_segment(v, 7, 4242);
  v.push(0);
  TextLog &log = v.text();
  v.push(1);
  ASSERT_TRUE(log.wait_texts(1));
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  const Own<GstEvent> caps(gst_pad_get_sticky_event(pad.get(), GST_EVENT_CAPS, 0));
  EXPECT_EQ(gst_event_get_seqnum(caps.get()), 4242u);
}

TEST_F(TextPads, RecordsAsEventsHaveTheNumberOfTheirSegment) {
  fake().fail_request(1, ErrorCategory::Failed, "no");
  Caption v("interval=0 on-error=warn");
  v.play();
  push_segment(v, 7, 4242);
  v.push(0);
  bool found = false;
  while (const Own<GstEvent> event{gst_harness_try_pull_event(v.h())})
    if (gst_event_has_name(event.get(), "vlmcaption/record")) {
      found = true;
      EXPECT_EQ(gst_event_get_seqnum(event.get()), 4242u);
    }
  EXPECT_TRUE(found);
}

// ---- readers that fail
// --------------------------------------------------------------------------------------

GstPadProbeReturn refuse(GstPad *, GstPadProbeInfo *info, gpointer flow) {
  gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = static_cast<GstFlowReturn>(GPOINTER_TO_INT(flow));
  return GST_PAD_PROBE_HANDLED;
}

// One error, of the stream; the video and the other pads go on.
void expect_error_of_reader(GstFlowReturn flow) {
  Caption v("interval=0");
  v.text();
  TextLog &records = v.outlet("json_src");
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, refuse, GINT_TO_POINTER(flow), nullptr);
  v.play();
  for (int n = 0; n < 300; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  const auto error = v.bus().wait(GST_MESSAGE_ERROR);
  ASSERT_TRUE(error);
  EXPECT_EQ(problem_of(error.get()).domain, GST_STREAM_ERROR);
  EXPECT_EQ(problem_of(error.get()).code, GST_STREAM_ERROR_FAILED);
  EXPECT_TRUE(v.eos().get());
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR)) << "one failure, one message";
  EXPECT_TRUE(records.wait_texts(300));
}

TEST_F(TextPads, ReaderThatFailsIsAnError) { expect_error_of_reader(GST_FLOW_ERROR); }

TEST_F(TextPads, ReaderThatTakesNoneOfTheCapsIsAnError) {
  expect_error_of_reader(GST_FLOW_NOT_NEGOTIATED);
}

// Where video goes nowhere, what is said about it still does.
TEST_F(TextPads, SpeakWithoutAReaderOfTheVideo) {
  GstElement *element = gst_element_factory_make("vlmcaption", nullptr);
  gst_object_ref_sink(element);
  const Own<GstElement> owner(element);
  gst_util_set_object_arg(G_OBJECT(element), "interval", "0");
  Bus bus(element);
  GstHarness *h = gst_harness_new_with_element(element, "sink", "text_src");
  gst_harness_set_live(h, FALSE);
  gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1");
  for (int n = 0; n < 3; ++n) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 16, nullptr);
    gst_buffer_memset(buffer, 0, 0, 16);
    GST_BUFFER_PTS(buffer) = n * kFrame;
    EXPECT_EQ(gst_harness_push(h, buffer), GST_FLOW_NOT_LINKED);
  }
  for (int n = 0; n < 3; ++n)
    EXPECT_TRUE(Own<GstBuffer>(gst_harness_pull(h)));
  EXPECT_FALSE(bus.poll(GST_MESSAGE_ERROR)) << "who pushes decides what that means";
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_harness_teardown(h);
}

} // namespace
} // namespace vlm::test
