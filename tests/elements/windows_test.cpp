// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

namespace vlm::test {
namespace {

using Windows = ElementTest;
using Times = std::vector<GstClockTime>;

Times frames_of(const GstStructure *record) {
  Times out;
  const GValue *frames = gst_structure_get_value(record, "frames");
  for (guint i = 0; frames && i < gst_value_array_get_size(frames); ++i)
    out.push_back(g_value_get_uint64(gst_value_array_get_value(frames, i)) / GST_MSECOND);
  return out;
}

// Each frame is as bright as its number says.
void push(Caption &v, int from, int to) {
  for (int n = from; n < to; ++n)
    ASSERT_EQ(v.push(n, n), GST_FLOW_OK) << n;
}

// What the model was shown, by brightness.
std::vector<int> shown() {
  std::vector<int> out;
  for (const Image &image : fake().seen().last.images)
    out.push_back(image.rgb.at(0));
  return out;
}

void new_segment(Caption &v, GstClockTime start, double rate = 1) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = start;
  segment.rate = rate;
  if (rate < 0)
    segment.stop = start + 100 * GST_SECOND;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
}

// Texts of the events `vlmcaption/record` among those pushed since the last call, and their place:
// names of other events follow.
std::vector<std::string> events(Caption &v) {
  std::vector<std::string> out;
  while (const Own<GstEvent> event{gst_harness_try_pull_event(v.h())}) {
    const GstStructure *s = gst_event_get_structure(event.get());
    const bool ours = s && gst_structure_has_name(s, "vlmcaption/record");
    out.push_back(ours ? text_field(s, "text") : GST_EVENT_TYPE_NAME(event.get()));
  }
  return out;
}

TEST_F(Windows, ShowTheFirstFrameOfEachPart) {
  Caption v("window=400000000 frames=4"); // ten frames, parts of two and a half
  v.play("RGB");
  push(v, 0, 10);
  EXPECT_TRUE(v.bus().captions().empty());
  EXPECT_EQ(fake().seen().begun, 0);
  push(v, 10, 11);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 1u);
  const GstStructure *r = records[0].get();
  EXPECT_EQ(frames_of(r), (Times{0, 120, 200, 320}));
  EXPECT_EQ(shown(), (std::vector<int>{0, 3, 5, 8}));
  EXPECT_EQ(time_field(r, "pts"), 0u);
  EXPECT_EQ(time_field(r, "duration"), 400 * GST_MSECOND);
  EXPECT_EQ(time_field(r, "window-start"), 0u);
  EXPECT_EQ(time_field(r, "window-end"), 400 * GST_MSECOND);
}

// The first frame after the window carries its caption, those behind it hold it.
TEST_F(Windows, CaptionRidesOnTheFirstFrameAfter) {
  Caption v("window=400000000");
  v.play();
  push(v, 0, 32);
  for (int n = 0; n < 32; ++n) {
    const auto out = v.pull();
    EXPECT_EQ(state_of(out.get()), n < 10 ? "" : n % 10 ? "held" : "fresh") << n;
    EXPECT_EQ(caption_of(out.get()), n < 10 ? "" : "answer " + std::to_string(n / 10)) << n;
  }
}

TEST_F(Windows, CountFromTheSegmentStartAndNotFromTheFirstFrame) {
  Caption v("window=400000000 frames=2");
  v.play();
  new_segment(v, 100 * GST_MSECOND);
  push(v, 0, 13); // windows begin at 100 and 500; frame 13 is at 520
  EXPECT_TRUE(v.bus().captions().empty());
  push(v, 13, 14);
  const auto record = v.bus().caption();
  EXPECT_EQ(frames_of(record.get()), (Times{120, 320}));
  EXPECT_EQ(time_field(record.get(), "window-start"), 100 * GST_MSECOND);
}

TEST_F(Windows, MayOverlap) {
  Caption v("window=400000000 overlap=200000000 frames=2");
  v.play("RGB");
  push(v, 0, 21);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 3u);
  for (guint64 i = 0; i < 3; ++i) {
    const GstStructure *r = records[i].get();
    EXPECT_EQ(frames_of(r), (Times{200 * i, 200 * i + 200}));
    EXPECT_EQ(time_field(r, "window-end"), (200 * i + 400) * GST_MSECOND);
    EXPECT_EQ(time_field(r, "duration"), 200 * GST_MSECOND); // until the next one's text
  }
  EXPECT_EQ(shown(), (std::vector<int>{10, 15})); // of frames that belong to two windows
  for (int n = 0; n < 21; ++n)
    EXPECT_EQ(state_of(v.pull().get()), n < 10 ? "" : n % 5 ? "held" : "fresh") << n;
}

TEST_F(Windows, QuestionsSeeTheSameFrames) {
  Caption v("window=400000000 frames=2 questions=\"<\\\"a?\\\",\\\"b?\\\">\"");
  v.play("RGB");
  fake().hold();
  auto pushed = std::async(std::launch::async, [&] { push(v, 0, 11); });
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_EQ(shown(), (std::vector<int>{0, 5}));
  fake().release();
  EXPECT_TRUE(fake().wait_begun(2));
  EXPECT_EQ(shown(), (std::vector<int>{0, 5}));
  pushed.get();
  const FakeSeen seen = fake().seen();
  EXPECT_EQ(seen.questions, (std::vector<std::string>{"a?", "b?"}));
  EXPECT_NE(seen.memories.at(0), nullptr);
  EXPECT_EQ(seen.memories.at(0), seen.memories.at(1));
}

// A hole leaves parts without a frame, and windows without any are not asked about.
TEST_F(Windows, HolesAreLeftOut) {
  Caption v("window=400000000 frames=4");
  v.play();
  for (const int n : {0, 8, 40, 50})
    v.push(n);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(frames_of(records[0].get()), (Times{0, 320}));
  EXPECT_EQ(frames_of(records[1].get()), (Times{1600}));
}

// A small step back is jitter, a large one a new beginning.
TEST_F(Windows, TimestampsMayGoBack) {
  Caption v("window=100000000");
  v.play();
  for (const int ms : {1000, 960, 1020, 1100, 1090, 1110, 200, 240, 300})
    EXPECT_EQ(gst_harness_push(v.h(), v.frame_at(ms * GST_MSECOND)), GST_FLOW_OK);
  Times starts;
  for (const auto &r : v.bus().captions())
    starts.push_back(time_field(r.get(), "window-start") / GST_MSECOND);
  EXPECT_EQ(starts, (Times{1000, 1100, 200}));
}

// Frames come from last to first; the model sees them in order of time.
TEST_F(Windows, ReversePlaybackShowsFramesInOrderOfTime) {
  Caption v("window=400000000 frames=2");
  v.play("RGB");
  new_segment(v, 0, -1);
  for (int n = 20; n >= 9; --n)
    EXPECT_EQ(v.push(n, n), GST_FLOW_OK);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(frames_of(records[0].get()), (Times{800}));
  EXPECT_EQ(frames_of(records[1].get()), (Times{560, 760}));
  EXPECT_EQ(shown(), (std::vector<int>{14, 19}));
}

// ---- the ends of a stream
// -------------------------------------------------------------------------

TEST_F(Windows, LastOneIsAskedAboutWithTheFramesItHas) {
  for (const bool done : {false, true}) {
    Caption v("window=400000000 frames=2");
    v.play();
    push(v, 0, 13);
    events(v);
    if (done)
      gst_harness_push_event(v.h(), gst_event_new_segment_done(GST_FORMAT_TIME, 13 * kFrame));
    else
      EXPECT_TRUE(v.eos().get());
    const auto records = v.bus().captions();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(frames_of(records[1].get()), (Times{400}));
    EXPECT_EQ(time_field(records[1].get(), "window-end"), 800 * GST_MSECOND);
    // No frame carries it any more.
    EXPECT_EQ(events(v), (std::vector<std::string>{text_field(records[1].get(), "text"),
                                                   done ? "segment-done" : "eos"}));
  }
}

TEST_F(Windows, FlushDropsHalfAWindow) {
  Caption v("window=400000000 frames=2");
  v.play("RGB");
  push(v, 0, 9);
  gst_harness_push_event(v.h(), gst_event_new_flush_start());
  gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
  new_segment(v, 0);
  push(v, 6, 11);
  EXPECT_EQ(fake().seen().begun, 1);
  EXPECT_EQ(shown(), (std::vector<int>{6}));
}

// Nothing is lost: the window before a new segment is over.
TEST_F(Windows, NewSegmentEndsAWindow) {
  Caption v("window=400000000 frames=2");
  v.play();
  push(v, 0, 6);
  events(v);
  new_segment(v, 10 * GST_SECOND);
  EXPECT_EQ(events(v), (std::vector<std::string>{"answer 1", "segment"}));
  EXPECT_EQ(frames_of(v.bus().caption().get()), (Times{0, 200}));
  push(v, 251, 262);
  const auto record = v.bus().caption();
  EXPECT_EQ(frames_of(record.get()), (Times{10040, 10200}));
  EXPECT_EQ(time_field(record.get(), "window-start"), 10 * GST_SECOND);
}

TEST_F(Windows, SameSegmentAgainEndsNothing) {
  Caption v("window=400000000 frames=2");
  v.play();
  new_segment(v, 0);
  push(v, 0, 6);
  new_segment(v, 0);
  EXPECT_EQ(fake().seen().begun, 0);
  push(v, 6, 11);
  EXPECT_EQ(frames_of(v.bus().caption().get()), (Times{0, 200}));
}

TEST_F(Windows, MayHoldFramesOfSeveralSizes) {
  Caption v("window=400000000 frames=2");
  v.play("RGB", 64, 48);
  push(v, 0, 3);
  v.play("NV12", 32, 24);
  push(v, 3, 11);
  const auto images = fake().seen().last.images;
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].width, 64);
  EXPECT_EQ(images[1].width, 32);
}

// Where upstream has no frames a window ends all the same.
TEST_F(Windows, GapOfTheVideoEndsAWindow) {
  Caption v("window=400000000 frames=2");
  v.play();
  push(v, 0, 4);
  gst_harness_push_event(v.h(), gst_event_new_gap(4 * kFrame, 3 * kFrame));
  EXPECT_EQ(fake().seen().begun, 0);
  gst_harness_push_event(v.h(), gst_event_new_gap(7 * kFrame, 3 * kFrame));
  EXPECT_EQ(frames_of(v.bus().caption().get()), (Times{0}));
}

// ---- text
// -----------------------------------------------------------------------------------------

// GAPs stop where a caption may still begin, and go on behind it.
TEST_F(Windows, TextIsDatedByItsWindow) {
  for (const bool overlap : {false, true}) {
    Caption v(std::string("window=400000000 frames=2") + (overlap ? " overlap=200000000" : ""));
    TextLog &text = v.text();
    v.play();
    push(v, 0, 23); // the last is at 880
    const int step = overlap ? 200 : 400;
    ASSERT_TRUE(text.wait_texts(overlap ? 3 : 2));
    const GstClockTime next = (overlap ? 600 : 800) * GST_MSECOND; // where the next may begin
    ASSERT_TRUE(text.wait_position(next));
    const auto texts = text.texts();
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(texts[i].start, i * step * GST_MSECOND);
      EXPECT_EQ(texts[i].end, (i + 1) * step * GST_MSECOND);
    }
    for (const auto &item : text.items())
      EXPECT_TRUE(!item.gap || item.end <= next) << item.end;
    expect_covered(text.items(), 0, next);
    EXPECT_TRUE(v.eos().get());
    ASSERT_TRUE(text.wait_event(GST_EVENT_EOS));
    EXPECT_EQ(text.texts().back().start, 800 * GST_MSECOND);
    expect_covered(text.items(), 0, 23 * kFrame);
  }
}

// The window's text is lost, the time is still accounted for.
TEST_F(Windows, FailedWindowLeavesAGap) {
  fake().fail_request(1, ErrorCategory::Failed, "no");
  Caption v("window=400000000 on-error=warn");
  TextLog &text = v.text();
  v.play();
  push(v, 0, 21);
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].start, 400 * GST_MSECOND);
  ASSERT_TRUE(text.wait_position(800 * GST_MSECOND));
  expect_covered(text.items(), 0, 800 * GST_MSECOND);
}

// ---- async
// ----------------------------------------------------------------------------------------

// Video does not wait, nor do GAPs; the job is admitted when the window is over.
TEST_F(Windows, OfALiveSourceHoldNothingUp) {
  fake().hold();
  Caption v("window=400000000 frames=2", true);
  TextLog &text = v.text();
  v.play();
  v.wait_loaded();
  push(v, 0, 10);
  EXPECT_EQ(v.stat("due"), 0u);
  push(v, 10, 15);
  EXPECT_EQ(v.stat("due"), 1u);
  ASSERT_TRUE(text.wait_position(15 * kFrame));
  EXPECT_TRUE(fake().wait_begun(1));
  fake().release();
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(text.texts()[0].start, 15 * kFrame); // when it arrived
  push(v, 15, 16);
  for (int n = 0; n < 15; ++n)
    EXPECT_EQ(state_of(v.pull().get()), "") << n;
  EXPECT_EQ(state_of(v.pull().get()), "fresh");
}

TEST_F(Windows, OfALiveSourceAreDroppedWhenTheModelIsTooSlow) {
  fake().hold();
  Caption v("window=80000000 queue-size=1", true);
  v.wait_loaded();
  v.play();
  push(v, 0, 3);
  EXPECT_TRUE(fake().wait_begun(1));
  push(v, 3, 7); // two more are over
  EXPECT_EQ(v.stat("dropped"), 1u);
  const auto qos = v.bus().wait(GST_MESSAGE_QOS);
  ASSERT_TRUE(qos);
  fake().release();
  EXPECT_TRUE(v.eos().get());
}

// ---- gate, failures, room
// --------------------------------------------------------------------------

TEST_F(Windows, GateComparesTheFirstFrame) {
  Caption v("window=400000000 frames=2 change-threshold=0.5");
  v.play();
  for (int n = 0; n < 31; ++n) // the second window's other frames differ, the third's first
    v.push(n, n > 10 && n < 30 ? 200 : 100);
  std::vector<std::string> statuses;
  for (const auto &r : v.bus().captions())
    statuses.push_back(text_field(r.get(), "status"));
  EXPECT_EQ(statuses, (std::vector<std::string>{"ok", "skipped-unchanged", "ok"}));
}

TEST_F(Windows, UnreadableFrameFailsItsWindowOnly) {
  Caption v(R"(window=400000000 on-error=warn questions="<\"a {pts}?\",\"b?\">")");
  v.play("RGB");
  GstBuffer *small = gst_buffer_new_allocate(nullptr, 100, nullptr);
  GST_BUFFER_PTS(small) = 0;
  EXPECT_EQ(gst_harness_push(v.h(), small), GST_FLOW_OK);
  push(v, 1, 21);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 4u);
  const char *questions[] = {"a 0?", "b?", "a 400000000?", "b?"};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(text_field(records[i].get(), "question"), questions[i]) << i;
    EXPECT_EQ(text_field(records[i].get(), "status"), i < 2 ? "undecodable" : "ok") << i;
  }
  EXPECT_NE(text_field(records[0].get(), "error").find("100 bytes"), std::string::npos);
  EXPECT_EQ(v.stat("failed"), 2u);
}

TEST_F(Windows, UseFewerFramesWhereTheContextIsTooSmall) {
  fake().room(1000, 200); // three pictures beside 128 tokens and a question
  Caption v("window=400000000 frames=8");
  v.play("RGB");
  push(v, 0, 21);
  EXPECT_EQ(shown(), (std::vector<int>{10, 13, 17})); // of 10 12 13 14 15 17 18 19
  const auto warning = v.bus().wait(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  const Problem problem = problem_of(warning.get());
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("8 frames"), std::string::npos) << problem.text;
  EXPECT_NE(problem.text.find("3 are used"), std::string::npos) << problem.text;
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
}

// One picture always goes in, whatever max-tokens says.
TEST_F(Windows, UseOneFrameAtLeast) {
  fake().room(1000, 200);
  Caption v("window=400000000 frames=4 max-tokens=5000");
  v.play();
  push(v, 0, 11);
  EXPECT_EQ(fake().seen().last.images.size(), 1u);
  EXPECT_EQ(frames_of(v.bus().caption().get()), (Times{0}));
}

// A stop in the middle of a window, and of its analysis, waits for nothing.
TEST_F(Windows, StopDoesNotWait) {
  fake().hold();
  fake().deaf();
  Caption v("window=400000000 frames=2");
  v.play();
  auto pushed = std::async(std::launch::async, [&] {
    GstFlowReturn flow = GST_FLOW_OK;
    for (int n = 0; n < 30 && flow == GST_FLOW_OK; ++n)
      flow = v.push(n);
    return flow;
  });
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_NULL); }), kAtOnce);
  EXPECT_EQ(pushed.get(), GST_FLOW_FLUSHING);
}

// Half a window at EOS is asked about, and a flush ends the waiting.
TEST_F(Windows, FlushEndsWaitingForTheLastOne) {
  fake().hold();
  Caption v("window=400000000");
  v.play();
  push(v, 0, 3);
  auto eos = v.eos();
  EXPECT_TRUE(fake().wait_begun(1));
  gst_harness_push_event(v.h(), gst_event_new_flush_start());
  EXPECT_FALSE(eos.get());
}

} // namespace
} // namespace vlm::test
