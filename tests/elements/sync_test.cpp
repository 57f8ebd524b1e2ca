// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

namespace vlm::test {
namespace {

using Sync = ElementTest;

// One due frame every interval; each carries its own caption, the frames between hold it.
TEST_F(Sync, CaptionsTheFirstFrameOfEveryInterval) {
  Caption v("interval=200000000"); // five frames
  v.play();
  for (int n = 0; n < 12; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const GstStructure *r = records[i].get();
    EXPECT_EQ(time_field(r, "pts"), i * 5 * kFrame);
    EXPECT_EQ(time_field(r, "duration"), 5 * kFrame);
    EXPECT_EQ(time_field(r, "window-start"), i * 5 * kFrame);
    EXPECT_EQ(time_field(r, "window-end"), (i + 1) * 5 * kFrame);
    EXPECT_EQ(time_field(r, "id"), i + 1);
    EXPECT_EQ(time_field(r, "sequence"), i + 1);
  }
  for (int n = 0; n < 12; ++n) {
    const auto out = v.pull();
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), n * kFrame);
    EXPECT_EQ(GST_BUFFER_DURATION(out.get()), kFrame);
    EXPECT_EQ(caption_of(out.get()), "answer " + std::to_string(n / 5 + 1));
    EXPECT_EQ(state_of(out.get()), n % 5 == 0 ? "fresh" : "held") << n;
    EXPECT_EQ(time_field(meta_of(out.get()), "age"), n % 5 * kFrame);
  }
}

TEST_F(Sync, RecordHoldsEveryField) {
  Caption v("interval=0 prompt=q seed=3 temperature=0.5 top-k=4 top-p=0.5 max-tokens=6");
  v.play();
  v.push(1);
  const auto record = v.bus().caption();
  ASSERT_TRUE(record);
  const GstStructure *r = record.get();
  EXPECT_STREQ(gst_structure_get_name(r), "vlmcaption/caption");
  guint schema = 0;
  EXPECT_TRUE(gst_structure_get_uint(r, "schema", &schema));
  EXPECT_EQ(schema, 1u);
  EXPECT_EQ(text_field(r, "text"), "answer 1");
  EXPECT_EQ(text_field(r, "question"), "q");
  EXPECT_EQ(text_field(r, "status"), "ok");
  EXPECT_EQ(text_field(r, "stop-reason"), "eos");
  EXPECT_EQ(text_field(r, "model"), "fake");
  EXPECT_EQ(text_field(r, "model-digest"), "0123456789abcdef");
  // SHA-256 of the rendered prompt, "q".
  EXPECT_EQ(text_field(r, "prompt-digest"),
            "8e35c2cd3bf6641bdb0e2050b76932cbb2e6034a0ddacc1d9bea82a6ba57f7cf");
  for (const char *field : {"pts", "stream-time", "running-time", "window-start"})
    EXPECT_EQ(time_field(r, field), kFrame) << field;
  EXPECT_EQ(time_field(r, "window-end"), 2 * kFrame);
  EXPECT_EQ(time_field(r, "duration"), kFrame);
  EXPECT_EQ(time_field(r, "seed"), 3u);
  EXPECT_EQ(time_field(r, "top-k"), 4u);
  EXPECT_EQ(time_field(r, "max-tokens"), 6u);
  EXPECT_EQ(time_field(r, "prompt-tokens"), 11u);
  EXPECT_EQ(time_field(r, "output-tokens"), 2u);
  EXPECT_EQ(time_field(r, "truncated-tokens"), 0u);
  EXPECT_EQ(time_field(r, "decode-time"), 1u);
  EXPECT_EQ(time_field(r, "vision-time"), 0u);
  EXPECT_TRUE(GST_CLOCK_TIME_IS_VALID(time_field(r, "queue-time")));
  double confidence = 0;
  EXPECT_TRUE(gst_structure_get_double(r, "confidence", &confidence));
  EXPECT_DOUBLE_EQ(confidence, 0.375);
  EXPECT_FALSE(gst_structure_has_field(r, "wall-clock")); // nobody said when this was filmed
  EXPECT_FALSE(gst_structure_has_field(r, "generation-prompt"));
  const GValue *frames = gst_structure_get_value(r, "frames");
  ASSERT_TRUE(frames && gst_value_array_get_size(frames) == 1);
  EXPECT_EQ(g_value_get_uint64(gst_value_array_get_value(frames, 0)), kFrame);
}

// What the source says about the moment of a frame goes into its record.
TEST_F(Sync, RecordTellsWallClockOfTheSource) {
  Caption v("interval=0");
  v.play();
  GstBuffer *buffer = v.frame(0);
  const Own<GstCaps> ntp(gst_caps_from_string("timestamp/x-ntp"));
  gst_buffer_add_reference_timestamp_meta(buffer, ntp.get(), (2208988800 + 5) * GST_SECOND,
                                          GST_CLOCK_TIME_NONE);
  gst_harness_push(v.h(), buffer);
  EXPECT_EQ(time_field(v.bus().caption().get(), "wall-clock"), 5 * GST_SECOND);
}

TEST_F(Sync, SignalCarriesTheRecord) {
  Caption v("interval=0");
  std::vector<std::string> texts;
  g_signal_connect(
      v.element(), "caption", G_CALLBACK(+[](GstElement *, GstStructure *record, gpointer out) {
        static_cast<std::vector<std::string> *>(out)->push_back(text_field(record, "text"));
      }),
      &texts);
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_EQ(texts, (std::vector<std::string>{"answer 1", "answer 2"}));
}

TEST_F(Sync, WithoutRepeatOnlyTheFrameItselfCarriesItsCaption) {
  Caption v("interval=200000000 repeat-caption=false");
  v.play();
  for (int n = 0; n < 6; ++n)
    v.push(n);
  for (int n = 0; n < 6; ++n)
    EXPECT_EQ(state_of(v.pull().get()), n % 5 == 0 ? "fresh" : "") << n;
}

// An answer that was cut says so.
TEST_F(Sync, TruncatedAnswerIsMarked) {
  fake().stop_with(StopReason::Length);
  Caption v;
  v.play();
  v.push(0);
  const auto record = v.bus().caption();
  EXPECT_EQ(text_field(record.get(), "status"), "truncated");
  EXPECT_EQ(text_field(record.get(), "stop-reason"), "length");
  EXPECT_EQ(caption_of(v.pull().get()), "answer 1");
}

TEST_F(Sync, BrokenTextIsMadeValid) {
  fake().script({"caf\xc3"});
  Caption v;
  v.play();
  v.push(0);
  EXPECT_EQ(text_field(v.bus().caption().get(), "text"), "caf\xef\xbf\xbd");
}

// Windows count from the segment's start, not from the first frame and not from zero.
TEST_F(Sync, WindowsCountFromTheSegmentStart) {
  Caption v("interval=100000000");
  v.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 30 * GST_MSECOND;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  for (const int ms : {0, 60, 120, 140, 180, 240})
    gst_harness_push(v.h(), v.frame_at(ms * GST_MSECOND));
  std::vector<guint64> due;
  for (const auto &r : v.bus().captions())
    due.push_back(time_field(r.get(), "pts") / GST_MSECOND);
  // 0 lies before the segment; windows begin at 30, 130, 230.
  EXPECT_EQ(due, (std::vector<guint64>{60, 140, 240}));
}

TEST_F(Sync, BufferIsNotCopiedAndKeepsItsMetasAndFlags) {
  Caption v("interval=0");
  v.play();
  GstBuffer *in = v.frame(0);
  GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_MARKER | GST_BUFFER_FLAG_DISCONT);
  GST_BUFFER_OFFSET(in) = 77;
  gst_buffer_add_video_region_of_interest_meta(in, "face", 1, 2, 3, 4);
  const GstMemory *memory = gst_buffer_peek_memory(in, 0);
  gst_harness_push(v.h(), in);
  const auto out = v.pull();
  EXPECT_EQ(out.get(), in);
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_MARKER));
  EXPECT_EQ(GST_BUFFER_OFFSET(out.get()), 77u);
  EXPECT_TRUE(gst_buffer_get_video_region_of_interest_meta_id(out.get(), 0));
  EXPECT_EQ(caption_of(out.get()), "answer 1");
}

// Behind a tee the buffer is not ours alone: its pixels are shared, the meta is not.
TEST_F(Sync, SharedBufferIsNotWrittenTo) {
  Caption v("interval=0");
  v.play();
  Own<GstBuffer> in(v.frame(0));
  gst_harness_push(v.h(), gst_buffer_ref(in.get()));
  const auto out = v.pull();
  EXPECT_NE(out.get(), in.get());
  EXPECT_EQ(meta_of(in.get()), nullptr);
  EXPECT_EQ(caption_of(out.get()), "answer 1");
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), gst_buffer_peek_memory(in.get(), 0));
}

// ---- failures
// -------------------------------------------------------------------------------------

TEST_F(Sync, FailedAnalysisIsAnErrorOfItsKind) {
  const struct {
    ErrorCategory category;
    GQuark domain;
    int code;
  } cases[] = {
      {ErrorCategory::Settings, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS},
      {ErrorCategory::NotFound, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND},
      {ErrorCategory::Unreadable, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ},
      {ErrorCategory::Format, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE},
      {ErrorCategory::Unsupported, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE},
      {ErrorCategory::Unavailable, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT},
      {ErrorCategory::Memory, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT},
      {ErrorCategory::Data, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE},
      {ErrorCategory::Failed, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED},
  };
  for (const auto &c : cases) {
    {
      fake().fail_request(1, c.category, "the culprit");
      Caption v;
      v.play();
      EXPECT_EQ(v.push(0), GST_FLOW_ERROR);
      EXPECT_EQ(v.push(1), GST_FLOW_ERROR);
      const auto error = v.bus().wait(GST_MESSAGE_ERROR);
      ASSERT_TRUE(error);
      const Problem problem = problem_of(error.get());
      EXPECT_EQ(problem.domain, c.domain);
      EXPECT_EQ(problem.code, c.code);
      EXPECT_EQ(problem.text, "the culprit");
      EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR)) << "one failure, one message";
    }
    fake().reset();
  }
}

TEST_F(Sync, WarnedFailureLeavesTheVideoAlone) {
  fake().fail_request(2, ErrorCategory::Failed, "hiccup");
  Caption v("interval=0 on-error=warn");
  v.play();
  for (int n = 0; n < 3; ++n)
    EXPECT_EQ(v.push(n), GST_FLOW_OK);
  const auto warning = v.bus().wait(GST_MESSAGE_WARNING);
  EXPECT_EQ(problem_of(warning.get()).text, "hiccup");
  EXPECT_EQ(v.stat("failed"), 1u);
  EXPECT_EQ(v.stat("answered"), 2u);
  EXPECT_EQ(caption_of(v.pull().get()), "answer 1");
  const auto held = v.pull(); // the failed frame goes on showing what was known
  EXPECT_EQ(caption_of(held.get()), "answer 1");
  EXPECT_EQ(state_of(held.get()), "held");
  EXPECT_EQ(caption_of(v.pull().get()), "answer 3");
}

// Whether the engine says so or merely fails to allocate.
TEST_F(Sync, OutOfMemoryIsAFailureLikeOthers) {
  for (const bool said : {false, true}) {
    {
      if (said)
        fake().fail_request(1, ErrorCategory::Memory, "the answer needs 7 GB");
      else
        fake().run_out_of_memory(1);
      Caption v("interval=0 on-error=warn");
      v.play();
      EXPECT_EQ(v.push(0), GST_FLOW_OK);
      EXPECT_EQ(v.push(1), GST_FLOW_OK);
      const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_WARNING).get());
      EXPECT_EQ(problem.domain, GST_RESOURCE_ERROR);
      EXPECT_EQ(problem.code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
      EXPECT_EQ(problem.text, said ? "the answer needs 7 GB" : "out of memory");
      EXPECT_EQ(v.stat("failed"), 1u);
      EXPECT_EQ(v.stat("answered"), 1u);
      EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
    }
    fake().reset();
  }
}

// An answer to half a question says so.
TEST_F(Sync, PromptLongerThanTheContextIsMarked) {
  fake().truncate(40);
  Caption v("prompt=long");
  v.play();
  EXPECT_EQ(v.push(0), GST_FLOW_OK);
  const auto record = v.bus().caption();
  EXPECT_EQ(text_field(record.get(), "status"), "truncated");
  EXPECT_EQ(text_field(record.get(), "stop-reason"), "eos");
  EXPECT_EQ(time_field(record.get(), "truncated-tokens"), 40u);
  EXPECT_EQ(caption_of(v.pull().get()), "answer 1");
}

// A camera whose every frame fails does not fill the bus.
TEST_F(Sync, RepeatedWarningsAreCounted) {
  Caption v("interval=0 on-error=warn");
  v.play();
  g_object_set(v.element(), "prompt", "\xff", nullptr);
  for (int n = 0; n < 5; ++n)
    EXPECT_EQ(v.push(n), GST_FLOW_OK);
  EXPECT_EQ(v.stat("failed"), 5u);
  EXPECT_TRUE(v.bus().poll(GST_MESSAGE_WARNING));
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
  EXPECT_TRUE(v.eos().get());
  const auto rest = v.bus().poll(GST_MESSAGE_WARNING);
  ASSERT_TRUE(rest);
  EXPECT_EQ(problem_of(rest.get()).text.find("4 more warnings, the last: "), 0u)
      << problem_of(rest.get()).text;
}

// Without a gate it is read on the model's thread.
TEST_F(Sync, FrameThatCannotBeReadIsUndecodable) {
  Caption v("interval=0 on-error=warn prompt=q?");
  v.play("RGB", 64, 48);
  GstBuffer *small = gst_buffer_new_allocate(nullptr, 100, nullptr);
  GST_BUFFER_PTS(small) = 0;
  EXPECT_EQ(gst_harness_push(v.h(), small), GST_FLOW_OK);
  const auto record = v.bus().caption();
  EXPECT_EQ(text_field(record.get(), "status"), "undecodable");
  EXPECT_EQ(text_field(record.get(), "question"), "q?");
  EXPECT_EQ(v.stat("failed"), 1u);
  EXPECT_EQ(problem_of(v.bus().wait(GST_MESSAGE_WARNING).get()).code, GST_STREAM_ERROR_DECODE);
}

TEST_F(Sync, FailedRecordNamesTheError) {
  fake().fail_request(1, ErrorCategory::Failed, "hiccup");
  Caption v("on-error=warn");
  v.play();
  v.push(0);
  const auto record = v.bus().caption();
  EXPECT_EQ(text_field(record.get(), "status"), "failed");
  EXPECT_EQ(text_field(record.get(), "error"), "hiccup");
  EXPECT_EQ(text_field(record.get(), "text"), "");
}

TEST_F(Sync, PromptMustBeUtf8) {
  Caption v("interval=0");
  v.play();
  g_object_set(v.element(), "prompt", "\xff\xfe", nullptr);
  EXPECT_EQ(v.push(0), GST_FLOW_ERROR);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("prompt"), std::string::npos);
}

// ---- video that is not as it should be
// ------------------------------------------------------------

TEST_F(Sync, VideoWithoutTimestampsPassesWithOneWarning) {
  Caption v("interval=0");
  v.play();
  for (int n = 0; n < 3; ++n)
    EXPECT_EQ(gst_harness_push(v.h(), v.frame_at(GST_CLOCK_TIME_NONE)), GST_FLOW_OK);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_WARNING).get());
  EXPECT_EQ(problem.domain, GST_STREAM_ERROR);
  EXPECT_EQ(problem.code, GST_STREAM_ERROR_FORMAT);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
  EXPECT_EQ(v.stat("undated"), 3u);
  EXPECT_EQ(v.stat("due"), 0u);
  EXPECT_EQ(meta_of(v.pull().get()), nullptr);
}

// A small step back is jitter, a large one a new beginning.
TEST_F(Sync, TimestampsMayGoBack) {
  Caption v("interval=100000000");
  v.play();
  for (const int ms : {1000, 960, 1000, 1100, 1090, 1100, 200, 240, 300})
    EXPECT_EQ(gst_harness_push(v.h(), v.frame_at(ms * GST_MSECOND)), GST_FLOW_OK);
  std::vector<guint64> due;
  for (const auto &r : v.bus().captions())
    due.push_back(time_field(r.get(), "pts") / GST_MSECOND);
  EXPECT_EQ(due, (std::vector<guint64>{1000, 1100, 200, 300}));
}

TEST_F(Sync, SizeAndFormatMayChange) {
  Caption v("interval=0");
  v.play("I420", 64, 48);
  v.push(0);
  EXPECT_EQ(fake().seen().last.images.at(0).width, 64);
  v.play("RGB", 30, 20);
  v.push(1);
  EXPECT_EQ(fake().seen().last.images.at(0).width, 30);
  v.play("NV12", 1, 1);
  EXPECT_EQ(v.push(2), GST_FLOW_OK);
  EXPECT_EQ(fake().seen().last.images.at(0).rgb.size(), 3u);
  for (int n = 1; n <= 3; ++n)
    EXPECT_EQ(caption_of(v.pull().get()), "answer " + std::to_string(n));
}

TEST_F(Sync, StreamWithoutFramesEnds) {
  Caption v;
  v.play();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(v.stat("due"), 0u);
  EXPECT_TRUE(v.bus().captions().empty());
}

TEST_F(Sync, TooSmallBufferIsAnErrorWithBothSizes) {
  Caption v;
  v.play("RGB", 64, 48);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
  GST_BUFFER_PTS(buffer) = 0;
  EXPECT_EQ(gst_harness_push(v.h(), buffer), GST_FLOW_ERROR);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_STREAM_ERROR);
  EXPECT_EQ(problem.code, GST_STREAM_ERROR_DECODE);
  EXPECT_NE(problem.text.find("100 bytes"), std::string::npos) << problem.text;
  EXPECT_NE(problem.text.find("64x48"), std::string::npos) << problem.text;
}

TEST_F(Sync, SegmentMustBeInTime) {
  Caption v;
  v.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_STREAM_ERROR);
  EXPECT_EQ(problem.code, GST_STREAM_ERROR_FORMAT);
}

// Backwards in time every window is still served once, and no duration is negative.
TEST_F(Sync, ReversePlaybackIsAnalysedAsItArrives) {
  Caption v("interval=80000000");
  v.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = 10 * kFrame;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  for (int n = 5; n >= 0; --n)
    v.push(n);
  std::vector<guint64> due;
  for (const auto &r : v.bus().captions()) {
    due.push_back(time_field(r.get(), "pts") / kFrame);
    EXPECT_LE(time_field(r.get(), "duration"), 2 * kFrame);
  }
  EXPECT_EQ(due, (std::vector<guint64>{5, 3, 1}));
}

} // namespace
} // namespace vlm::test
