// SPDX-License-Identifier: LGPL-2.1-or-later
// What vlmgenerate makes of a stream of text: pictures, their times, events, bad text.
#include "tests/support/captioned.h"
#include "tests/support/generator.h"

#include <gst/check/gsttestclock.h>

namespace vlm::test {
namespace {

class Paint : public ElementTest {};

// Pixel (x, y) of a picture in RGB.
const guint8 *pixel(const std::string &bytes, int width, int x, int y) {
  const int stride = (width * 3 + 3) / 4 * 4;
  return reinterpret_cast<const guint8 *>(bytes.data()) + y * stride + 3 * x;
}

std::string caps_of(Generator &g) {
  const Own<GstPad> pad(gst_element_get_static_pad(g.element(), "src"));
  const Own<GstCaps> caps(gst_pad_get_current_caps(pad.get()));
  gchar *text = caps ? gst_caps_to_string(caps.get()) : nullptr;
  const std::string out = text ? text : "";
  g_free(text);
  return out;
}

// ---- pictures -----------------------------------------------------------------------------------

TEST_F(Paint, OnePictureForOnePrompt) {
  Generator g;
  g.play();
  ASSERT_EQ(g.push("a red bird", 3 * GST_SECOND, 2 * GST_SECOND), GST_FLOW_OK);
  const auto picture = g.pull();
  EXPECT_EQ(GST_BUFFER_PTS(picture.get()), 3 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(picture.get()), 2 * GST_SECOND);
  EXPECT_TRUE(GST_BUFFER_IS_DISCONT(picture.get()));
  const std::string bytes = bytes_of(picture.get());
  ASSERT_EQ(bytes.size(), 64u * 64 * 3);
  EXPECT_EQ(pixel(bytes, 64, 0, 0)[0], red_of("a red bird", 0));
  EXPECT_EQ(pixel(bytes, 64, 5, 7)[1], 5);
  EXPECT_EQ(pixel(bytes, 64, 5, 7)[2], 7);
  const std::string caps = caps_of(g);
  for (const char *part : {"RGB", "(int)64", "0/1", "1/1", "progressive"})
    EXPECT_NE(caps.find(part), std::string::npos) << caps;
}

TEST_F(Paint, MetaSaysHowItWasPainted) {
  Generator g("seed=7 steps=3 guidance=2.5 negative-prompt=blurry");
  g.play();
  g.push("p", GST_SECOND, GST_SECOND);
  const auto picture = g.pull();
  const GstStructure *meta = generated(picture.get());
  ASSERT_TRUE(meta);
  EXPECT_EQ(text_field(meta, "prompt"), "p");
  EXPECT_EQ(text_field(meta, "negative-prompt"), "blurry");
  EXPECT_EQ(text_field(meta, "model"), "fake-painter");
  EXPECT_EQ(time_field(meta, "seed"), 7u);
  EXPECT_EQ(time_field(meta, "id"), 1u);
  EXPECT_EQ(time_field(meta, "pts"), GST_SECOND);
  guint steps = 0;
  gdouble guidance = 0;
  EXPECT_TRUE(gst_structure_get(meta, "steps", G_TYPE_UINT, &steps, "guidance", G_TYPE_DOUBLE,
                                &guidance, nullptr));
  EXPECT_EQ(steps, 3u);
  EXPECT_EQ(guidance, 2.5);
  EXPECT_FALSE(gst_structure_has_field(meta, "cut-tokens"));
  const PaintRequest asked = fake().seen().paints.at(0);
  EXPECT_EQ(asked.prompt, "p");
  EXPECT_EQ(asked.negative_prompt, "blurry");
  EXPECT_EQ(asked.seed, 7u);
  EXPECT_EQ(asked.steps, 3);
  EXPECT_EQ(asked.guidance, 2.5);
  EXPECT_TRUE(asked.keep_loaded);
}

TEST_F(Paint, SameSeedSameBytes) {
  Generator g;
  g.play();
  g.push("p", 0, GST_SECOND);
  const std::string first = bytes_of(g.pull().get());
  g.push("p", GST_SECOND, GST_SECOND);
  EXPECT_EQ(bytes_of(g.pull().get()), first);
  g_object_set(g.element(), "seed", guint64{1}, "keep-loaded", FALSE, nullptr);
  g.push("p", 2 * GST_SECOND, GST_SECOND);
  EXPECT_NE(bytes_of(g.pull().get()), first);
  EXPECT_FALSE(fake().seen().paints.back().keep_loaded);
}

// ---- size and format ----------------------------------------------------------------------------

struct Size {
  int width, height, painted_width, painted_height;
};
class PaintSize : public ElementTest, public ::testing::WithParamInterface<Size> {};

TEST_P(PaintSize, IsPaintedAtTheNextMultipleOfEightAndCropped) {
  const Size size = GetParam();
  Generator g("", "format=RGB,width=" + std::to_string(size.width) +
                      ",height=" + std::to_string(size.height));
  g.play();
  g.push(0);
  const std::string bytes = bytes_of(g.pull().get());
  const PaintRequest asked = fake().seen().paints.at(0);
  EXPECT_EQ(asked.width, size.painted_width);
  EXPECT_EQ(asked.height, size.painted_height);
  const guint8 *corner = pixel(bytes, size.width, 0, 0);
  EXPECT_EQ(corner[1], (size.painted_width - size.width) / 2);
  EXPECT_EQ(corner[2], (size.painted_height - size.height) / 2);
}

INSTANTIATE_TEST_SUITE_P(Paint, PaintSize,
                         ::testing::Values(Size{64, 64, 64, 64}, Size{320, 240, 320, 240},
                                           Size{60, 61, 64, 64}, Size{1, 1, 8, 8},
                                           Size{1023, 5, 1024, 8}),
                         [](const auto &info) { return std::to_string(info.index); });

// Whatever the pad promises.
TEST_F(Paint, EveryFormat) {
  Generator g;
  const Own<GstPad> pad(gst_element_get_static_pad(g.element(), "src"));
  const Own<GstCaps> all(gst_pad_get_pad_template_caps(pad.get()));
  const GValue *formats = gst_structure_get_value(gst_caps_get_structure(all.get(), 0), "format");
  g.play();
  GstClockTime pts = 0;
  for (guint i = 0; i < gst_value_list_get_size(formats); ++i, pts += GST_SECOND) {
    const std::string format = g_value_get_string(gst_value_list_get_value(formats, i));
    g.allow("width=48,height=32,format=" + format);
    ASSERT_EQ(g.push("p", pts, GST_SECOND), GST_FLOW_OK) << format;
    const auto picture = g.pull();
    ASSERT_TRUE(picture) << format;
    GstVideoInfo info;
    gst_video_info_set_format(&info, gst_video_format_from_string(format.c_str()), 48, 32);
    EXPECT_EQ(gst_buffer_get_size(picture.get()), GST_VIDEO_INFO_SIZE(&info)) << format;
    EXPECT_NE(caps_of(g).find("(string)" + format), std::string::npos) << caps_of(g);
  }
  EXPECT_FALSE(g.bus().poll(GST_MESSAGE_ERROR));
}

TEST_F(Paint, WhatIsBehindMayChangeItsMind) {
  Generator g("", "format=RGB,width=64,height=64");
  g.play();
  g.push(0);
  g.pull();
  g.allow("format=I420,width=32,height=16");
  g.push(1);
  EXPECT_EQ(gst_buffer_get_size(g.pull().get()), 32u * 16 * 3 / 2);
  EXPECT_EQ(fake().seen().paints.back().width, 32);
}

TEST_F(Paint, CapsThatNobodyCanServeAreAnError) {
  for (const char *caps :
       {"width=64,height=64,interlace-mode=interleaved", "width=64,height=64,interlace-mode=mixed",
        "width=64,height=64,pixel-aspect-ratio=0/1",
        "width=64,height=64,pixel-aspect-ratio=1/1000"}) {
    Generator g("", std::string("format=RGB,") + caps);
    g.play();
    g.push(0);
    const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_ERROR).get());
    EXPECT_EQ(problem.domain, GST_CORE_ERROR) << caps;
    EXPECT_EQ(problem.code, GST_CORE_ERROR_NEGOTIATION) << caps;
    EXPECT_NE(problem.text.find("interlaced"), std::string::npos) << problem.text;
    g.pull_event(GST_EVENT_EOS);
    EXPECT_EQ(g.push(1), GST_FLOW_ERROR);
  }
}

// Painted as it is seen, so that a circle stays one. The fake's green and blue say where a pixel
// was.
TEST_F(Paint, PixelsThatAreNotSquare) {
  struct Case {
    const char *ratio;
    int painted_width, painted_height;
  };
  for (const Case &each : {Case{"2/1", 128, 64}, Case{"1/2", 64, 128}, Case{"16/15", 72, 64}}) {
    fake().reset();
    Generator g("", std::string("format=RGB,width=64,height=64,pixel-aspect-ratio=") + each.ratio);
    g.play();
    g.push(0);
    const std::string bytes = bytes_of(g.pull().get());
    const PaintRequest asked = fake().seen().paints.at(0);
    EXPECT_EQ(asked.width, each.painted_width) << each.ratio;
    EXPECT_EQ(asked.height, each.painted_height) << each.ratio;
    ASSERT_EQ(bytes.size(), 64u * 64 * 3);
    const guint8 *middle = pixel(bytes, 64, 32, 32);
    EXPECT_NEAR(middle[1], each.painted_width / 2, 2) << each.ratio;
    EXPECT_NEAR(middle[2], each.painted_height / 2, 2) << each.ratio;
    EXPECT_NE(caps_of(g).find(each.ratio), std::string::npos) << caps_of(g);
  }
}

TEST_F(Paint, APictureThatDoesNotFitIsAnErrorWithBothFigures) {
  fake().fail_request(1, ErrorCategory::Memory,
                      "painting 4096x4096 needs 9.00 GB of memory, but only 2.00 GB are left");
  Generator g("", "format=RGB,width=4096,height=4096");
  g.play();
  g.push(0);
  const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(problem.code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
  EXPECT_NE(problem.text.find("9.00 GB of memory, but only 2.00 GB"), std::string::npos);
  EXPECT_EQ(fake().seen().begun, 1);
}

// ---- time ---------------------------------------------------------------------------------------

TEST_F(Paint, RepeatsForAsLongAsThePromptLasts) {
  Generator g("", "framerate=30/1");
  g.play();
  g.push(0);
  GstClockTime end = 0;
  for (int n = 0; n < 30; ++n) {
    const auto frame = g.pull();
    ASSERT_TRUE(frame) << n;
    EXPECT_EQ(GST_BUFFER_PTS(frame.get()), gst_util_uint64_scale(n, GST_SECOND, 30));
    EXPECT_EQ(GST_BUFFER_PTS(frame.get()), end);
    end += GST_BUFFER_DURATION(frame.get());
    EXPECT_EQ(prompt_of(frame.get()), "0");
  }
  EXPECT_EQ(end, GST_SECOND);
  g.push(1);
  const auto next = g.pull();
  EXPECT_EQ(prompt_of(next.get()), "1");
  EXPECT_EQ(GST_BUFFER_PTS(next.get()), GST_SECOND);
}

TEST_F(Paint, WithoutRepeatAGapCoversTheRest) {
  Generator g("repeat=false", "framerate=25/1");
  g.play();
  g.push(0);
  const auto frame = g.pull();
  EXPECT_EQ(GST_BUFFER_DURATION(frame.get()), kFrame);
  GstClockTime start, duration;
  gst_event_parse_gap(g.pull_event(GST_EVENT_GAP).get(), &start, &duration);
  EXPECT_EQ(start, kFrame);
  EXPECT_EQ(duration, GST_SECOND - kFrame);
  g.push(1);
  EXPECT_EQ(prompt_of(g.pull().get()), "1");
  EXPECT_EQ(g.stat("frames"), 2u);
}

// Each is shown, if only for a frame, and nothing goes back.
TEST_F(Paint, PromptsOfTheSameTime) {
  for (const char *rate : {"0/1", "10/1"}) {
    Generator g("queue-size=10", std::string("framerate=") + rate);
    g.play();
    for (const char *text : {"a", "b", "c"})
      g.push(text, GST_SECOND, GST_SECOND);
    g.push_event(gst_event_new_eos());
    g.pull_event(GST_EVENT_EOS);
    GstClockTime last = 0;
    std::string seen;
    while (const auto frame = Own<GstBuffer>(gst_harness_try_pull(g.h()))) {
      EXPECT_GE(GST_BUFFER_PTS(frame.get()), last);
      last = GST_BUFFER_PTS(frame.get());
      if (seen.empty() || seen.substr(seen.size() - 1) != prompt_of(frame.get()))
        seen += prompt_of(frame.get());
    }
    EXPECT_EQ(seen, "abc") << rate;
  }
}

TEST_F(Paint, TextWithoutPtsBeginsWhereTheLastPictureEnded) {
  Generator g("", "framerate=10/1");
  g.play();
  g.push("dated", 0, 200 * GST_MSECOND);
  g.push("undated");
  EXPECT_EQ(prompt_of(g.pull().get()), "dated");
  EXPECT_EQ(prompt_of(g.pull().get()), "dated");
  const auto frame = g.pull();
  EXPECT_EQ(prompt_of(frame.get()), "undated");
  EXPECT_EQ(GST_BUFFER_PTS(frame.get()), 200 * GST_MSECOND);
}

TEST_F(Paint, TimesBeyondAllClocksAreNone) {
  Generator g("queue-size=10", "framerate=10/1");
  g.play();
  g.push("first", 0, 100 * GST_MSECOND);
  g.push("late", G_MAXUINT64 - 2, GST_SECOND);
  g.push("long", 300 * GST_MSECOND, G_MAXUINT64 - 2);
  g.push_event(gst_event_new_gap(G_MAXUINT64 - 2, GST_SECOND));
  g.push_event(gst_event_new_eos());
  g.pull_event(GST_EVENT_EOS);
  EXPECT_EQ(prompt_of(g.pull().get()), "first");
  for (int n = 1; n <= 10; ++n) {
    const auto frame = g.pull();
    EXPECT_EQ(prompt_of(frame.get()), "late");
    EXPECT_EQ(GST_BUFFER_PTS(frame.get()), n * 100 * GST_MSECOND);
  }
  EXPECT_EQ(prompt_of(g.pull().get()), "long");
  EXPECT_EQ(gst_harness_buffers_in_queue(g.h()), 0u);
}

// Live, the clock says when a picture begins, and it stays until the next one.
TEST_F(Paint, LivePicturesAreDatedByTheClock) {
  Generator g("", "framerate=10/1", true);
  gst_harness_use_testclock(g.h());
  gst_harness_set_time(g.h(), 5 * GST_SECOND);
  g.play();
  fake().hold();
  g.push("first", 4 * GST_SECOND, 10 * GST_SECOND);
  EXPECT_TRUE(fake().wait_begun(1));
  gst_harness_set_time(g.h(), 7 * GST_SECOND);
  fake().step();
  auto frame = g.pull();
  EXPECT_EQ(GST_BUFFER_PTS(frame.get()), 7 * GST_SECOND);
  gst_harness_set_time(g.h(), 8 * GST_SECOND);
  for (int n = 1; n < 10; ++n) {
    frame = g.pull();
    EXPECT_EQ(GST_BUFFER_PTS(frame.get()), 7 * GST_SECOND + n * 100 * GST_MSECOND);
    EXPECT_EQ(prompt_of(frame.get()), "first");
  }
  g.push("second", 8 * GST_SECOND, 10 * GST_SECOND);
  EXPECT_TRUE(fake().wait_begun(2));
  fake().step();
  while (prompt_of(frame.get()) == "first")
    frame = g.pull();
  EXPECT_GE(GST_BUFFER_PTS(frame.get()), 8 * GST_SECOND);
}

TEST_F(Paint, LiveGapsCoverTheWait) {
  Generator g("", "framerate=0/1", true);
  gst_harness_use_testclock(g.h());
  g.play();
  g.push("p", 0, 10 * GST_SECOND);
  g.pull();
  gst_harness_set_time(g.h(), 2 * GST_SECOND);
  GstClockTime start, duration;
  gst_event_parse_gap(g.pull_event(GST_EVENT_GAP).get(), &start, &duration);
  EXPECT_EQ(start + duration, 2 * GST_SECOND);
}

// ---- events -------------------------------------------------------------------------------------

TEST_F(Paint, EosWaitsForAllPictures) {
  Generator g("queue-size=100");
  g.play();
  fake().hold();
  for (int n = 0; n < 10; ++n)
    ASSERT_EQ(g.push(n), GST_FLOW_OK);
  EXPECT_TRUE(g.push_event(gst_event_new_eos()));
  fake().release();
  g.pull_event(GST_EVENT_EOS);
  EXPECT_EQ(gst_harness_buffers_received(g.h()), 10u);
  for (int n = 0; n < 10; ++n)
    EXPECT_EQ(prompt_of(g.pull().get()), std::to_string(n));
  EXPECT_EQ(g.stat("painted"), 10u);
}

TEST_F(Paint, EventsKeepTheirPlace) {
  Generator g("queue-size=100");
  const Own<GstPad> src(gst_element_get_static_pad(g.element(), "src"));
  std::mutex mutex;
  std::vector<std::string> order;
  auto note = std::make_pair(&mutex, &order);
  const gulong probe = gst_pad_add_probe(
      src.get(), GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        const auto &to = *static_cast<std::pair<std::mutex *, std::vector<std::string> *> *>(data);
        std::lock_guard<std::mutex> lock(*to.first);
        to.second->push_back(info->type & GST_PAD_PROBE_TYPE_BUFFER
                                 ? prompt_of(GST_PAD_PROBE_INFO_BUFFER(info))
                                 : GST_EVENT_TYPE_NAME(GST_PAD_PROBE_INFO_EVENT(info)));
        return GST_PAD_PROBE_OK;
      },
      &note, nullptr);
  fake().hold();
  g.play();
  g.push(0);
  g.push_event(gst_event_new_gap(GST_SECOND, GST_SECOND));
  g.push_event(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("mine")));
  g.push(2);
  g.segment();
  g.push("3", 9 * GST_SECOND, GST_SECOND);
  g.push_event(gst_event_new_eos());
  fake().release();
  g.pull_event(GST_EVENT_EOS);
  gst_pad_remove_probe(src.get(), probe);
  if (order.at(0) == "stream-start") // the harness may have been faster than the probe
    order.erase(order.begin());
  EXPECT_EQ(order, (std::vector<std::string>{"caps", "segment", "0", "gap", "custom-downstream",
                                             "2", "segment", "3", "eos"}));
}

TEST_F(Paint, EosWithoutAnyPrompt) {
  Generator g;
  g.play();
  EXPECT_TRUE(g.push_event(gst_event_new_eos()));
  EXPECT_TRUE(g.pull_event(GST_EVENT_EOS));
}

TEST_F(Paint, FlushForgetsWhatIsPaintedAndGoesOn) {
  Generator g("queue-size=10");
  g.play();
  fake().hold();
  fake().deaf();
  for (int n = 0; n < 3; ++n)
    g.push(n);
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_LT(milliseconds([&] { g.flush(); }), kAtOnce);
  EXPECT_EQ(g.stat("flushed"), 3u);
  fake().release();
  g.push("after", 20 * GST_SECOND, GST_SECOND);
  const auto picture = g.pull();
  EXPECT_EQ(prompt_of(picture.get()), "after");
  EXPECT_TRUE(GST_BUFFER_IS_DISCONT(picture.get()));
  EXPECT_FALSE(g.bus().poll(GST_MESSAGE_ERROR));
}

// Nothing is taken from under a task that pushes, not even when no FLUSH_START stopped it.
TEST_F(Paint, LoneFlushStopTouchesNothingOfARunningTask) {
  Generator g("", "width=64,height=64,framerate=25/1");
  g.play();
  const Own<GstPad> pad(gst_element_get_static_pad(g.element(), "src"));
  struct Gate {
    int frames = 0;
    std::promise<void> held{}, go{};
  } gate;
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        auto *gate = static_cast<Gate *>(data);
        if (++gate->frames < 3)
          return GST_PAD_PROBE_OK;
        gate->held.set_value();
        gate->go.get_future().wait();
        return GST_PAD_PROBE_REMOVE;
      },
      &gate, nullptr);
  g.push(0);
  gate.held.get_future().wait(); // in one of many frames
  g.push_event(gst_event_new_flush_stop(TRUE));
  gate.go.set_value();
  g.segment();
  g.push("again", 0, GST_SECOND);
  Own<GstBuffer> picture;
  do
    picture = g.pull();
  while (picture && prompt_of(picture.get()) != "again");
  ASSERT_TRUE(picture);
  EXPECT_TRUE(GST_BUFFER_IS_DISCONT(picture.get()));
  EXPECT_EQ(GST_BUFFER_PTS(picture.get()), 0u);
}

TEST_F(Paint, LoneFlushStopLosesNoStreamStart) {
  Generator g;
  g.play();
  for (int i = 0; i < 100; ++i) {
    g.push_event(gst_event_new_stream_start(std::to_string(i).c_str()));
    g.push_event(gst_event_new_flush_stop(TRUE));
    g.segment();
    g.push("p", 0, GST_SECOND);
    ASSERT_TRUE(g.pull());
    const Own<GstPad> pad(gst_element_get_static_pad(g.element(), "src"));
    const Own<GstEvent> start(gst_pad_get_sticky_event(pad.get(), GST_EVENT_STREAM_START, 0));
    const gchar *id = nullptr;
    gst_event_parse_stream_start(start.get(), &id);
    ASSERT_EQ(id, std::to_string(i));
  }
}

// A seek is recognised by the number of the segment that came of it.
TEST_F(Paint, EventsHaveTheNumberOfTheirSegment) {
  Generator g("repeat=false", "width=64,height=64,framerate=25/1");
  g.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 7;
  GstEvent *event = gst_event_new_segment(&segment);
  gst_event_set_seqnum(event, 4242);
  g.push_event(event);
  g.push(0);
  for (const GstEventType type : {GST_EVENT_CAPS, GST_EVENT_GAP}) {
    const auto made = g.pull_event(type);
    ASSERT_TRUE(made);
    EXPECT_EQ(gst_event_get_seqnum(made.get()), 4242u) << gst_event_type_get_name(type);
  }
}

TEST_F(Paint, ReverseIsRefused) {
  Generator g;
  g.play();
  g.segment(GST_FORMAT_TIME, -1);
  EXPECT_EQ(problem_of(g.bus().wait(GST_MESSAGE_ERROR).get()).domain, GST_STREAM_ERROR);
}

// ---- text ---------------------------------------------------------------------------------------

TEST_F(Paint, NothingIsMadeOfNothing) {
  Generator g;
  g.play();
  for (const char *text : {"", " \n\t"}) {
    g.push(text, 0, GST_SECOND);
    EXPECT_TRUE(g.pull_event(GST_EVENT_GAP));
    g.flush();
  }
  EXPECT_EQ(g.stat("prompts"), 0u);
}

TEST_F(Paint, BrokenTextIsAnErrorOrAWarning) {
  {
    Generator g;
    g.play();
    EXPECT_EQ(g.push("a\xff", 0, GST_SECOND), GST_FLOW_ERROR);
    const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_ERROR).get());
    EXPECT_EQ(problem.domain, GST_STREAM_ERROR);
    EXPECT_EQ(problem.code, GST_STREAM_ERROR_DECODE);
    EXPECT_NE(problem.text.find("byte 1"), std::string::npos) << problem.text;
  }
  Generator g("on-error=warn");
  g.play();
  EXPECT_EQ(g.push("a\xff", 0, GST_SECOND), GST_FLOW_OK);
  EXPECT_TRUE(g.bus().wait(GST_MESSAGE_WARNING));
  EXPECT_TRUE(g.pull_event(GST_EVENT_GAP));
  g.push(1);
  EXPECT_EQ(prompt_of(g.pull().get()), "1");
}

TEST_F(Paint, TenThousandWordsAreCutAndTold) {
  std::string text = "word";
  for (int n = 1; n < 10000; ++n)
    text += " word";
  Generator g;
  g.play();
  g.push(text, 0, GST_SECOND);
  const auto picture = g.pull();
  EXPECT_EQ(time_field(generated(picture.get()), "cut-tokens"), 10000u - kFakeTokens);
  const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_WARNING).get());
  EXPECT_NE(problem.text.find("9925 tokens"), std::string::npos) << problem.text;
  EXPECT_EQ(fake().seen().paints.at(0).prompt, text);
}

// ... of a negative prompt once for all pictures, until it is another.
TEST_F(Paint, NegativePromptThatIsCutIsToldOnce) {
  std::string text = "ugly";
  for (int n = 1; n < 80; ++n)
    text += " ugly";
  Generator g;
  g_object_set(g.element(), "negative-prompt", text.c_str(), nullptr);
  g.play();
  for (int n = 0; n < 3; ++n) {
    g.push(n);
    g.pull();
  }
  const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_WARNING).get());
  EXPECT_EQ(problem.text,
            "the negative prompt is too long for the model: its last 5 tokens were cut");
  g_object_set(g.element(), "negative-prompt", (text + " still").c_str(), nullptr);
  g.push(3);
  g.pull();
  g.push_event(gst_event_new_eos());
  g.pull_event(GST_EVENT_EOS);
  const Problem second = problem_of(g.bus().wait(GST_MESSAGE_WARNING).get());
  EXPECT_NE(second.text.find("its last 6 tokens were cut"), std::string::npos) << second.text;
  EXPECT_EQ(second.text.find("more warnings"), std::string::npos) << second.text;
  EXPECT_FALSE(g.bus().poll(GST_MESSAGE_WARNING));
}

TEST_F(Paint, MarkupIsPaintedAsItIs) {
  Generator g;
  g.play();
  g.push("<b>a & b</b>", 0, GST_SECOND);
  g.pull();
  EXPECT_EQ(fake().seen().paints.at(0).prompt, "<b>a & b</b>");
}

// Bytes come as they were read: cut inside of lines and characters.
TEST_F(Paint, BytesAreLines) {
  Generator g("queue-size=10");
  g.play();
  g.segment(GST_FORMAT_BYTES);
  g.push("a r\xc3");
  g.push("\xa9"
         "d\r\nb\n\nc");
  g.push_event(gst_event_new_eos());
  g.pull_event(GST_EVENT_EOS);
  EXPECT_EQ(prompt_of(g.pull().get()), "a r\xc3\xa9"
                                       "d");
  EXPECT_EQ(prompt_of(g.pull().get()), "b");
  EXPECT_EQ(prompt_of(g.pull().get()), "c");
  EXPECT_EQ(g.stat("prompts"), 3u);
}

TEST_F(Paint, EndlessLineIsAnError) {
  Generator g;
  g.play();
  g.segment(GST_FORMAT_BYTES);
  const std::string part(300000, 'x');
  GstFlowReturn flow = GST_FLOW_OK;
  for (int n = 0; n < 4 && flow == GST_FLOW_OK; ++n)
    flow = g.push(part);
  EXPECT_EQ(flow, GST_FLOW_ERROR);
  EXPECT_EQ(problem_of(g.bus().wait(GST_MESSAGE_ERROR).get()).code, GST_STREAM_ERROR_DECODE);
}

} // namespace
} // namespace vlm::test
