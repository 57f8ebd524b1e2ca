// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/captioned.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace vlm::test {
namespace {

using nlohmann::json;

// vlmmeta2json, and what it pushes in order.
class Writer : public Reader {
public:
  Writer() : Reader("vlmmeta2json"), log_(pad("src").get()) {}
  TextLog &log() { return log_; }

  /// What was written, one object a line.
  std::vector<json> lines() {
    std::vector<json> out;
    for (const auto &item : log_.texts()) {
      EXPECT_EQ(item.text.find('\n'), item.text.size() - 1) << "one line a record";
      out.push_back(json::parse(item.text));
    }
    return out;
  }

  std::vector<guint64> ids() {
    std::vector<guint64> out;
    for (const json &line : lines())
      out.push_back(line.at("id").get<guint64>());
    return out;
  }

private:
  TextLog log_;
};

using Ids = std::vector<guint64>;

// No hole, no step back, nothing twice.
void expect_exactly_covered(const std::vector<TextLog::Item> &items, GstClockTime from,
                            GstClockTime to) {
  GstClockTime covered = from;
  for (const auto &item : items) {
    EXPECT_EQ(item.start, covered) << (item.gap ? "gap" : item.text);
    covered = item.end;
  }
  EXPECT_EQ(covered, to);
}

TEST(Meta2json, TakesVideoOfAnyMemoryAndGivesJson) {
  Writer w;
  for (const char *line : {"video/x-raw,format=I420", "video/x-raw(memory:GLMemory),format=RGBA",
                           "video/x-raw(memory:DMABuf),format=NV12"}) {
    const Own<GstCaps> caps(gst_caps_from_string(line));
    EXPECT_TRUE(gst_pad_query_accept_caps(w.pad("sink").get(), caps.get())) << line;
  }
  const Own<GstCaps> audio(gst_caps_from_string("audio/x-raw"));
  EXPECT_FALSE(gst_pad_query_accept_caps(w.pad("sink").get(), audio.get()));
  const Own<GstCaps> out(gst_pad_query_caps(w.pad("src").get(), nullptr));
  EXPECT_TRUE(gst_structure_has_name(gst_caps_get_structure(out.get(), 0), "application/x-json"));
}

// ---- what is written
// ------------------------------------------------------------------------------

// Somebody else may have made a record: a structure that is not there is null.
TEST(Meta2json, WritesStructuresThatAreNotThere) {
  Writer w;
  w.play();
  const auto record = make_record(1, "one", 0);
  gst_structure_set(record.get(), "region", GST_TYPE_STRUCTURE, nullptr, nullptr);
  w.push(carry(w.frame(0), {record.get()}));
  ASSERT_EQ(w.lines().size(), 1u);
  EXPECT_TRUE(w.lines()[0].at("region").is_null());
}

TEST(Meta2json, WritesARecordOnceAndNeverForHeldFrames) {
  Writer w;
  w.play();
  const auto first = make_record(1, "one", 0), second = make_record(2, "two", 4 * kFrame);
  w.push(carry(w.frame(0), {first.get()}));
  w.push(carry(w.frame(1), {first.get()}, "held", kFrame));
  w.push(carry(w.frame(2), {first.get()}, "held", 2 * kFrame));
  w.push(carry(w.frame(3), {first.get()}, "stale", 3 * kFrame));
  w.push(carry(w.frame(4), {second.get()}));
  EXPECT_EQ(w.ids(), (Ids{1, 2}));
  const auto texts = w.log().texts();
  EXPECT_EQ(texts[1].start, 4 * kFrame);
  EXPECT_EQ(texts[1].end, 5 * kFrame);
}

// A line says the same whichever way its record came: nothing of the frame is in it.
TEST(Meta2json, WritesTheRecordAndNothingOfTheFrame) {
  Writer w;
  w.play();
  const auto record = make_record(7, "a \"quoted\"\nline \xe2\x98\x83", kFrame, 0.25);
  const auto other = make_record(8, "other", kFrame);
  w.push(carry(w.frame(1), {record.get(), other.get()}));
  const json expected = {{"schema", 1},       {"id", 7},       {"text", "a \"quoted\"\nline ☃"},
                         {"status", "ok"},    {"pts", kFrame}, {"duration", guint64{GST_SECOND}},
                         {"confidence", 0.25}};
  EXPECT_EQ(w.lines().at(0), expected);
}

TEST(Meta2json, WritesAllRecordsOfAFrameInOrder) {
  Writer w;
  w.play();
  const auto a = make_record(1, "a", 0), b = make_record(2, "b", 0), c = make_record(3, "c", 0);
  w.push(carry(w.frame(0), {a.get(), b.get(), c.get()}));
  EXPECT_EQ(w.ids(), (Ids{1, 2, 3}));
}

TEST(Meta2json, WritesTheRecordsOfTwoCaptioners) {
  Writer w;
  w.play();
  const auto a = make_record(1, "a", 0), b = make_record(1, "b", 0), c = make_record(2, "c", 0);
  w.push(carry(carry(w.frame(0), {a.get()}), {b.get()}));
  w.push(carry(carry(w.frame(1), {a.get()}, "held"), {c.get()}));
  EXPECT_EQ(w.ids(), (Ids{1, 1, 2}));
}

// videorate copies frames with all they carry.
TEST(Meta2json, ADoubledFrameWritesNothingNew) {
  Writer w;
  w.play();
  const auto a = make_record(1, "same", 0), b = make_record(2, "same", 0);
  w.push(carry(w.frame(0), {a.get()}));
  w.push(carry(w.frame(1), {a.get()}));
  w.push(carry(w.frame(2), {b.get()}));
  EXPECT_EQ(w.ids(), (Ids{1, 2}));
}

TEST(Meta2json, ForeignMetasAreNoRecords) {
  Writer w;
  w.play();
  const gchar *tags[] = {nullptr};
  gst_meta_register_custom("VlmTestOtherMeta", tags, nullptr, nullptr, nullptr);
  GstBuffer *frame = w.frame(0);
  GstCustomMeta *other = gst_buffer_add_custom_meta(frame, "VlmTestOtherMeta");
  gst_structure_set(gst_custom_meta_get_structure(other), "state", G_TYPE_STRING, "fresh", nullptr);
  EXPECT_EQ(w.push(frame), GST_FLOW_OK);
  EXPECT_EQ(w.ids(), Ids{});
}

// JSON has no word for these.
TEST(Meta2json, NumbersThatAreNoneAreLeftOut) {
  Writer w;
  w.play();
  for (const double value : {NAN, INFINITY, -INFINITY}) {
    const auto record = make_record(1, "x", 0, value);
    w.push(carry(w.frame(0), {record.get()}));
  }
  ASSERT_EQ(w.lines().size(), 3u);
  for (const json &line : w.lines())
    EXPECT_FALSE(line.contains("confidence")) << line;
}

// ---- records that no frame carries
// ----------------------------------------------------------------

TEST(Meta2json, EventsAreWrittenBeforeEos) {
  Writer w;
  w.play();
  w.push(w.frame(0));
  const auto tail = make_record(5, "tail", 0);
  EXPECT_TRUE(w.push(record_event(tail.get())));
  EXPECT_TRUE(w.push(gst_event_new_eos()));
  EXPECT_EQ(w.ids(), Ids{5});
  EXPECT_EQ(w.lines()[0].at("pts"), 0);
  const auto order = w.log().order();
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order[order.size() - 2], "text");
  EXPECT_EQ(order.back(), "eos");
}

// After the last frame of a file the position is the segment's end, and sinks drop what is there.
TEST(Meta2json, EventsAreInsideTheSegmentAndNotInThePast) {
  Writer w;
  w.play();
  w.segment(0, 2 * kFrame);
  w.push(w.frame(0));
  const auto tail = make_record(5, "tail", 0);
  w.push(record_event(tail.get()));
  w.push(w.frame(1));
  w.push(record_event(tail.get()));
  const auto texts = w.log().texts();
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0].start, kFrame);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.stop = 2 * kFrame;
  EXPECT_TRUE(
      gst_segment_clip(&segment, GST_FORMAT_TIME, texts[1].start, texts[1].end, nullptr, nullptr));
}

TEST(Meta2json, OtherEventsPassAndRecordsDoNot) {
  Writer w;
  w.play();
  const auto record = make_record(1, "x", 0);
  w.push(record_event(record.get()));
  w.push(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("other/event")));
  const Own<GstEvent> custom = w.log().event(GST_EVENT_CUSTOM_DOWNSTREAM);
  ASSERT_TRUE(custom);
  EXPECT_TRUE(gst_event_has_name(custom.get(), "other/event"));
  const auto events = w.log().events();
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_CUSTOM_DOWNSTREAM), 1);
}

// ---- time
// -----------------------------------------------------------------------------------------

TEST(Meta2json, GapsCoverWhatIsSilent) {
  Writer w;
  w.play();
  const auto record = make_record(1, "x", 2 * kFrame), late = make_record(2, "y", 9 * kFrame);
  for (int n = 0; n < 2; ++n)
    w.push(w.frame(n));
  w.push(carry(w.frame(2), {record.get()}));
  w.push(carry(w.frame(3), {record.get()}, "held"));
  w.push(carry(w.frame(9), {late.get()})); // frames are missing before it
  w.push(w.frame(10));
  expect_exactly_covered(w.log().items(), 0, 11 * kFrame);
  EXPECT_EQ(w.ids(), (Ids{1, 2}));
}

TEST(Meta2json, GapsOfTheVideoCountOnce) {
  Writer w;
  w.play();
  w.push(w.frame(0));
  EXPECT_TRUE(w.push(gst_event_new_gap(kFrame, 3 * kFrame)));
  EXPECT_TRUE(w.push(gst_event_new_gap(2 * kFrame, kFrame))); // known already
  expect_exactly_covered(w.log().items(), 0, 4 * kFrame);
  EXPECT_EQ(w.log().items().size(), 2u);
}

TEST(Meta2json, FramesWithoutTimestampsAreRead) {
  Reader w("vlmmeta2json");
  w.play();
  const auto record = make_record(3, "x", 0);
  GstBuffer *frame = carry(w.frame(0), {record.get()});
  GST_BUFFER_PTS(frame) = GST_BUFFER_DURATION(frame) = GST_CLOCK_TIME_NONE;
  EXPECT_EQ(w.push(frame), GST_FLOW_OK);
  const auto line = w.pull();
  ASSERT_TRUE(line);
  EXPECT_FALSE(GST_BUFFER_PTS_IS_VALID(line.get()));
  EXPECT_EQ(json::parse(bytes_of(line.get())).at("id"), 3);
}

TEST(Meta2json, ReversePlaybackKeepsTheTimesOfTheFrames) {
  Writer w;
  w.play();
  w.segment(0, 4 * kFrame, -1);
  const auto record = make_record(1, "x", 2 * kFrame);
  w.push(w.frame(3));
  w.push(carry(w.frame(2), {record.get()}));
  w.push(w.frame(1));
  const auto items = w.log().items();
  ASSERT_EQ(items.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(items[i].gap, i != 1);
    EXPECT_EQ(items[i].start, (3 - i) * kFrame);
    EXPECT_EQ(items[i].end, (4 - i) * kFrame);
  }
}

// ---- events
// ---------------------------------------------------------------------------------------

TEST(Meta2json, StreamIsSparseAndOfTheVideosGroup) {
  Writer w;
  GstEvent *start = gst_event_new_stream_start("movie");
  gst_event_set_group_id(start, 42);
  const guint32 seqnum = gst_event_get_seqnum(start);
  w.push(start);
  w.play();
  w.push(w.frame(0));
  w.push(gst_event_new_eos());
  EXPECT_EQ(w.log().order(),
            (std::vector<std::string>{"stream-start", "caps", "segment", "gap", "eos"}));
  const auto event = w.log().event(GST_EVENT_STREAM_START);
  const gchar *id = nullptr;
  guint group = 0;
  GstStreamFlags flags = GST_STREAM_FLAG_NONE;
  gst_event_parse_stream_start(event.get(), &id);
  gst_event_parse_stream_flags(event.get(), &flags);
  EXPECT_STREQ(id, "movie/json");
  EXPECT_TRUE(gst_event_parse_group_id(event.get(), &group));
  EXPECT_EQ(group, 42u);
  EXPECT_TRUE(flags & GST_STREAM_FLAG_SPARSE);
  EXPECT_EQ(gst_event_get_seqnum(event.get()), seqnum);
}

TEST(Meta2json, EventsKeepTheirSeqnums) {
  Writer w;
  w.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstEvent *event = gst_event_new_segment(&segment);
  const guint32 seqnum = gst_event_get_seqnum(event);
  w.push(event);
  guint32 of_gap = 0;
  const auto pad = w.pad("src");
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer out) {
        *static_cast<guint32 *>(out) = gst_event_get_seqnum(GST_PAD_PROBE_INFO_EVENT(info));
        return GST_PAD_PROBE_OK;
      },
      &of_gap, nullptr);
  w.push(w.frame(0));
  EXPECT_EQ(of_gap, seqnum);
  EXPECT_EQ(gst_event_get_seqnum(w.log().event(GST_EVENT_SEGMENT).get()), seqnum);
  GstEvent *eos = gst_event_new_eos();
  gst_event_set_seqnum(eos, 77);
  w.push(eos);
  EXPECT_EQ(of_gap, 77u);
}

TEST(Meta2json, NewCapsOfTheVideoChangeNothing) {
  Writer w;
  w.play();
  const auto a = make_record(1, "a", 0), b = make_record(2, "b", kFrame);
  w.push(carry(w.frame(0), {a.get()}));
  w.play("RGB", 31, 17);
  w.push(carry(w.frame(1), {b.get()}));
  EXPECT_EQ(w.ids(), (Ids{1, 2}));
  const Own<GstCaps> caps(gst_pad_get_current_caps(w.pad("src").get()));
  EXPECT_TRUE(gst_structure_has_name(gst_caps_get_structure(caps.get(), 0), "application/x-json"));
}

TEST(Meta2json, AFlushStartsAnew) {
  Writer w;
  w.play();
  const auto record = make_record(1, "x", 0);
  w.push(carry(w.frame(100), {record.get()}));
  w.flush();
  const auto events = w.log().events();
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_FLUSH_START), 1);
  EXPECT_EQ(std::count(events.begin(), events.end(), GST_EVENT_FLUSH_STOP), 1);
  w.log().clear();
  w.segment(0);
  w.push(w.frame(0));
  w.push(carry(w.frame(1), {record.get()})); // not doubled: played again
  expect_exactly_covered(w.log().items(), 0, 2 * kFrame);
  EXPECT_EQ(w.ids(), Ids{1});
}

TEST(Meta2json, OnlyTimeSegmentsAreTaken) {
  Writer w;
  w.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  w.push(gst_event_new_segment(&segment));
  EXPECT_EQ(w.push(w.frame(0)), GST_FLOW_ERROR);
  const Problem problem = problem_of(w.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_STREAM_ERROR);
  EXPECT_EQ(problem.code, GST_STREAM_ERROR_FORMAT);
}

TEST(Meta2json, WhatDownstreamSaysGoesUpstream) {
  Writer w;
  w.play();
  const auto record = make_record(1, "x", 0);
  const auto src = w.pad("src");
  const Own<GstPad> peer(gst_pad_get_peer(src.get()));
  gst_pad_unlink(src.get(), peer.get());
  EXPECT_EQ(w.push(carry(w.frame(0), {record.get()})), GST_FLOW_NOT_LINKED);
}

TEST(Meta2json, PicturesMayHaveAnyStrideAndCrop) {
  Writer w;
  w.play();
  const Own<GstCaps> caps(gst_pad_get_current_caps(w.pad("sink").get()));
  GstQuery *query = gst_query_new_allocation(caps.get(), FALSE);
  EXPECT_TRUE(gst_pad_query(w.pad("sink").get(), query));
  EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr));
  EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, nullptr));
  gst_query_unref(query);
}

TEST(Meta2json, EveryRunStartsClean) {
  Writer w;
  const auto record = make_record(1, "x", 0);
  for (int run = 0; run < 20; ++run) {
    w.log().clear();
    gst_element_set_state(w.element(), GST_STATE_PLAYING);
    w.push(gst_event_new_stream_start("again"));
    w.play();
    w.segment(0);
    w.push(carry(w.frame(1), {record.get()}));
    EXPECT_EQ(w.ids(), Ids{1}) << run;
    const auto line = w.pull();
    ASSERT_TRUE(line);
    EXPECT_TRUE(GST_BUFFER_IS_DISCONT(line.get())) << run;
    gst_element_set_state(w.element(), GST_STATE_NULL);
  }
}

} // namespace
} // namespace vlm::test
