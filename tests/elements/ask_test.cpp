// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

namespace vlm::test {
namespace {

using Ask = ElementTest;

guint64 ask(GstElement *element, const char *question) {
  guint64 id = 0;
  g_signal_emit_by_name(element, "ask", question, &id);
  return id;
}

guint64 ask(Caption &v, const char *question = "what?") { return ask(v.element(), question); }

void cancel(Caption &v, guint64 id) { g_signal_emit_by_name(v.element(), "cancel", id); }

// A stream whose only caption is that of its first frame.
constexpr const char *kRarely = "interval=1000000000000 ";

// With a first frame that has its caption.
void begin(Caption &v) {
  v.wait_loaded();
  v.play();
  ASSERT_EQ(v.push(0), GST_FLOW_OK);
  ASSERT_TRUE(v.bus().caption());
}

// The same for a model that is held: it is let go for this caption alone.
void begin_held(Caption &v) {
  v.wait_loaded();
  v.play();
  v.push(0);
  ASSERT_TRUE(fake().wait_begun(1));
  fake().step();
}

GstEvent *event(GstEventType type, const char *question, guint64 id) {
  return gst_event_new_custom(type, gst_structure_new("vlmcaption/ask", "question", G_TYPE_STRING,
                                                      question, "id", G_TYPE_UINT64, id, nullptr));
}

void expect_refused(Caption &v, const char *question, const char *word) {
  EXPECT_EQ(ask(v, question), 0u);
  const auto warning = v.bus().wait(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  const Problem problem = problem_of(warning.get());
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_NE(problem.text.find(word), std::string::npos) << problem.text;
}

// The status and the reason of the next answer.
std::string fate(Caption &v) {
  const auto answer = v.bus().answer();
  EXPECT_TRUE(answer);
  if (!answer)
    return "";
  EXPECT_EQ(text_field(answer.get(), "text"), "");
  return text_field(answer.get(), "status") + ": " + text_field(answer.get(), "error");
}

// ---- which frame
// ----------------------------------------------------------------------------------

TEST_F(Ask, IsAboutTheNewestFrame) {
  fake().script({"caption", "answer"});
  Caption v(kRarely);
  begin(v);
  v.push(1, 40);
  v.push(2, 200);
  const guint64 id = ask(v, "how bright?");
  EXPECT_NE(id, 0u);
  const auto answer = v.bus().answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(time_field(answer.get(), "ask-id"), id);
  EXPECT_EQ(time_field(answer.get(), "pts"), 2 * kFrame);
  EXPECT_EQ(time_field(answer.get(), "duration"), kFrame);
  EXPECT_EQ(time_field(answer.get(), "stream-time"), 2 * kFrame);
  EXPECT_EQ(text_field(answer.get(), "text"), "answer");
  EXPECT_EQ(text_field(answer.get(), "question"), "how bright?");
  EXPECT_EQ(text_field(answer.get(), "status"), "ok");
  EXPECT_EQ(text_field(answer.get(), "model"), "fake");
  const Request seen = fake().seen().last;
  ASSERT_EQ(seen.images.size(), 1u);
  EXPECT_GT(seen.images[0].rgb[0], 180);
}

TEST_F(Ask, BeforeTheFirstFrameWaitsForIt) {
  Caption v(std::string(kRarely) + "mode=async");
  const guint64 id = ask(v);
  v.play();
  v.push(3);
  const auto answer = v.bus().answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(time_field(answer.get(), "ask-id"), id);
  EXPECT_EQ(time_field(answer.get(), "pts"), 3 * kFrame);
}

// In synchronous mode the frame that still waits for its caption is the newest.
TEST_F(Ask, WhileAFrameWaitsIsAboutThatFrame) {
  fake().hold();
  Caption v;
  v.play();
  auto pushed = std::async(std::launch::async, [&] { return v.push(0); });
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_NE(ask(v), 0u);
  fake().release();
  const auto answer = v.bus().answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(time_field(answer.get(), "pts"), 0u);
  EXPECT_EQ(pushed.get(), GST_FLOW_OK);
}

TEST_F(Ask, AfterEosIsAboutTheLastFrame) {
  Caption v(kRarely);
  begin(v);
  v.push(7);
  EXPECT_TRUE(v.eos().get());
  ask(v);
  EXPECT_EQ(time_field(v.bus().answer().get(), "pts"), 7 * kFrame);
}

TEST_F(Ask, InAPausedPipelineIsAboutWhatItShows) {
  const Own<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(
      "videotestsrc ! video/x-raw,framerate=25/1 ! vlmcaption name=v ! fakesink", nullptr))));
  Bus bus(pipeline.get());
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  EXPECT_EQ(gst_element_get_state(pipeline.get(), nullptr, nullptr, 10 * GST_SECOND),
            GST_STATE_CHANGE_SUCCESS);
  const Own<GstElement> v(gst_bin_get_by_name(GST_BIN(pipeline.get()), "v"));
  EXPECT_NE(ask(v.get(), "what?"), 0u);
  const auto answer = bus.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(time_field(answer.get(), "pts"), 0u);
  // From the pipeline the event comes to the captioner through its sink.
  EXPECT_TRUE(gst_element_send_event(pipeline.get(), event(GST_EVENT_CUSTOM_UPSTREAM, "and?", 99)));
  EXPECT_EQ(time_field(bus.answer().get(), "ask-id"), 99u);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  gst_element_set_bus(pipeline.get(), nullptr);
}

// A pool with a limit gets its buffers back, whatever is kept.
TEST_F(Ask, DoesNotStarveAPool) {
  Caption v(std::string(kRarely) + "mode=async");
  v.play("RGB", 8, 8);
  const Own<GstCaps> caps(gst_caps_from_string("video/x-raw,format=RGB,width=8,height=8"));
  GstBufferPool *pool = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps.get(), 192, 1, 1);
  gst_buffer_pool_set_config(pool, config);
  gst_buffer_pool_set_active(pool, TRUE);
  GstBufferPoolAcquireParams now{};
  now.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
  for (int n = 0; n < 3; ++n) {
    GstBuffer *buffer = nullptr;
    ASSERT_EQ(gst_buffer_pool_acquire_buffer(pool, &buffer, &now), GST_FLOW_OK) << n;
    gst_buffer_memset(buffer, 0, static_cast<guint8>(100 + n), 192);
    GST_BUFFER_PTS(buffer) = n * kFrame;
    gst_harness_push(v.h(), buffer);
    v.pull();
  }
  ask(v);
  ASSERT_TRUE(v.bus().answer());
  EXPECT_EQ(fake().seen().last.images.at(0).rgb.at(0), 102);
  gst_buffer_pool_set_active(pool, FALSE);
  gst_object_unref(pool);
}

// Nobody downstream changes what a question is about.
TEST_F(Ask, SeesTheFrameAsItCame) {
  Caption v(std::string(kRarely) + "mode=async");
  v.play("RGB", 8, 8);
  v.push(0, 77);
  auto out = v.pull();
  out.reset(gst_buffer_make_writable(out.release()));
  gst_buffer_memset(out.get(), 0, 200, 192);
  ask(v);
  ASSERT_TRUE(v.bus().answer());
  EXPECT_EQ(fake().seen().last.images.at(0).rgb.at(0), 77);
}

TEST_F(Ask, UnusableFramesFail) {
  Caption v(std::string(kRarely) + "on-error=warn");
  v.play();
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 5, nullptr);
  GST_BUFFER_PTS(buffer) = 0;
  gst_harness_push(v.h(), buffer);
  EXPECT_NE(ask(v), 0u);
  EXPECT_EQ(fate(v).find("undecodable: a buffer of 5 bytes"), 0u);
}

// ---- many
// -----------------------------------------------------------------------------------------

TEST_F(Ask, AboutOneFrameShareWhatTheModelSees) {
  Caption v(kRarely);
  begin(v);
  ask(v);
  ask(v);
  v.bus().answer();
  v.bus().answer();
  v.push(1);
  ask(v);
  v.bus().answer();
  const auto memories = fake().seen().memories;
  ASSERT_EQ(memories.size(), 4u);
  ASSERT_NE(memories[1], nullptr);
  EXPECT_EQ(memories[1], memories[2]);
  EXPECT_NE(memories[2], memories[3]);
}

TEST_F(Ask, LeavesTheCaptionsAlone) {
  Caption v("interval=0");
  TextLog &text = v.text();
  v.play();
  for (int n = 0; n < 5; ++n) {
    v.push(n);
    ask(v);
  }
  for (int n = 0; n < 5; ++n) {
    const auto answer = v.bus().answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(time_field(answer.get(), "sequence"), guint64(n + 1));
  }
  EXPECT_TRUE(v.eos().get());
  EXPECT_TRUE(text.wait_event(GST_EVENT_EOS));
  EXPECT_EQ(text.texts().size(), 5u);
  EXPECT_EQ(v.stat("due"), 5u);
  EXPECT_EQ(v.stat("answered"), 5u);
  for (int n = 0; n < 5; ++n)
    EXPECT_EQ(time_field(meta_of(v.pull().get()), "id"), guint64(n + 1));
}

// To the model questions are a client beside the captions: each gets its turns.
TEST_F(Ask, HasTurnsOfItsOwn) {
  Caption v(kRarely), w(kRarely);
  begin(v);
  EXPECT_EQ(fake().seen().last.client, 0u);
  ask(v);
  v.bus().answer();
  const guint64 client = fake().seen().last.client;
  EXPECT_GE(client, kFirstFreeClient);
  begin(w);
  ask(w);
  w.bus().answer();
  EXPECT_NE(fake().seen().last.client, client);
  EXPECT_GE(fake().seen().last.client, kFirstFreeClient);
}

TEST_F(Ask, SettingsAreThoseOfTheMoment) {
  Caption v(std::string(kRarely) + "max-tokens=9 temperature=0.5 seed=3");
  begin(v);
  g_object_set(v.element(), "max-tokens", 5u, nullptr);
  ask(v);
  const auto answer = v.bus().answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(time_field(answer.get(), "max-tokens"), 5u);
  EXPECT_EQ(time_field(answer.get(), "seed"), 3u);
  EXPECT_EQ(fake().seen().last.max_tokens, 5);
  EXPECT_EQ(fake().seen().last.sampling.temperature, 0.5);
}

TEST_F(Ask, MayAskForAPrompt) {
  Caption v(std::string(kRarely) + "generate=always");
  begin(v);
  ask(v, "what?");
  EXPECT_TRUE(v.bus().answer());
  EXPECT_TRUE(fake().seen().last.generate);
  ask(v, "what? <GEN>");
  EXPECT_TRUE(v.bus().answer());
  EXPECT_FALSE(fake().seen().last.generate);
}

TEST_F(Ask, SeventeenthIsRefused) {
  fake().hold();
  Caption v(std::string(kRarely) + "mode=async");
  v.play();
  v.push(0);
  for (int n = 0; n < 16; ++n)
    EXPECT_NE(ask(v), 0u);
  expect_refused(v, "one more?", "one more?");
  fake().release();
  for (int n = 0; n < 16; ++n)
    EXPECT_TRUE(v.bus().answer());
  EXPECT_NE(ask(v), 0u);
  EXPECT_TRUE(v.bus().answer());
}

TEST_F(Ask, WhatCannotBeAskedIsRefused) {
  Caption v(kRarely);
  begin(v);
  expect_refused(v, "", "question");
  expect_refused(v, nullptr, "question");
  expect_refused(v, "<image> what?", "<image> what?");
  expect_refused(v, "\xff", "question");
  gst_element_set_state(v.element(), GST_STATE_READY);
  expect_refused(v, "what?", "READY");
}

TEST_F(Ask, FailsAloneWhenItsAnswerFails) {
  fake().fail_request(2, ErrorCategory::Failed, "hiccup");
  Caption v("interval=0");
  begin(v);
  ask(v);
  EXPECT_EQ(fate(v), "failed: hiccup");
  EXPECT_EQ(v.push(1), GST_FLOW_OK);
  EXPECT_FALSE(v.bus().poll(GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING)));
}

TEST_F(Ask, FailsWithoutAModel) {
  fake().hold_open();
  fake().fail_open(ErrorCategory::Memory, "too large");
  Caption v;
  EXPECT_NE(ask(v), 0u);
  fake().release();
  EXPECT_EQ(fate(v), "failed: the model could not be loaded");
  expect_refused(v, "what?", "could not be loaded");
}

// ---- the end of a stream
// --------------------------------------------------------------------------

TEST_F(Ask, IsNotWaitedForByEos) {
  fake().hold();
  Caption v(std::string(kRarely) + "mode=async");
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  ask(v);
  fake().step(); // the caption
  EXPECT_TRUE(v.eos().get());
  fake().release();
  EXPECT_EQ(text_field(v.bus().answer().get(), "status"), "ok");
}

TEST_F(Ask, IsToldThatNoFrameCame) {
  Caption v;
  v.play();
  ask(v);
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(fate(v), "dropped: the stream ended before a frame came");
}

TEST_F(Ask, SurvivesAFlushWithItsPicture) {
  fake().hold();
  Caption v(std::string(kRarely) + "mode=async");
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  const guint64 before = ask(v);
  gst_harness_push_event(v.h(), gst_event_new_flush_start());
  const guint64 after = ask(v); // about what comes
  gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
  v.segment();
  v.push(50);
  fake().release();
  const auto first = v.bus().answer(), second = v.bus().answer();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(time_field(first.get(), "ask-id"), before);
  EXPECT_EQ(time_field(first.get(), "pts"), 0u);
  EXPECT_EQ(time_field(second.get(), "ask-id"), after);
  EXPECT_EQ(time_field(second.get(), "pts"), 50 * kFrame);
}

TEST_F(Ask, IsGivenUpByStop) {
  fake().hold();
  fake().deaf();
  Caption v(std::string(kRarely) + "mode=async");
  begin_held(v);
  const guint64 first = ask(v), second = ask(v);
  EXPECT_TRUE(fake().wait_begun(2));
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_READY); }), kAtOnce);
  for (const guint64 id : {first, second}) {
    const auto answer = v.bus().answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(time_field(answer.get(), "ask-id"), id);
    EXPECT_EQ(text_field(answer.get(), "status"), "dropped");
  }
  fake().release();
  EXPECT_TRUE(fake().wait_ended(2));
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ELEMENT) && v.bus().poll(GST_MESSAGE_ELEMENT));
}

TEST_F(Ask, GoesOnAfterARestart) {
  Caption v(kRarely);
  begin(v);
  gst_element_set_state(v.element(), GST_STATE_READY);
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  ask(v); // the frames of the first run are forgotten
  v.play();
  v.push(4);
  EXPECT_EQ(time_field(v.bus().answer().get(), "pts"), 4 * kFrame);
}

// ---- cancelling
// -----------------------------------------------------------------------------------

TEST_F(Ask, CancelledIsTold) {
  fake().hold();
  fake().deaf();
  Caption v(std::string(kRarely) + "mode=async");
  begin_held(v);
  const guint64 running = ask(v, "running?"), waiting = ask(v, "waiting?");
  EXPECT_TRUE(fake().wait_begun(2));
  cancel(v, waiting);
  EXPECT_EQ(fate(v), "dropped: cancelled");
  cancel(v, running);
  EXPECT_EQ(fate(v), "dropped: cancelled");
  cancel(v, running);
  cancel(v, 12345);
  fake().release();
  EXPECT_TRUE(fake().wait_ended(2));
  const guint64 next = ask(v);
  EXPECT_EQ(time_field(v.bus().answer().get(), "ask-id"), next);
}

// ---- signals and events
// ---------------------------------------------------------------------------

struct Handler {
  std::vector<std::pair<guint64, std::string>> answers;
  guint64 to_cancel = 0;

  // Asks again, once, and cancels what it was told to.
  static void answered(GstElement *element, guint64 id, const gchar *text, gpointer data) {
    auto &self = *static_cast<Handler *>(data);
    self.answers.emplace_back(id, text);
    if (self.to_cancel)
      g_signal_emit_by_name(element, "cancel", std::exchange(self.to_cancel, 0));
    if (self.answers.size() == 1)
      ask(element, "and then?");
  }
  static void captioned(GstElement *element, GstStructure *, gpointer) { ask(element, "first?"); }
};

TEST_F(Ask, WorksInsideHandlers) {
  Handler handler;
  Caption v(kRarely);
  g_signal_connect(v.element(), "caption", G_CALLBACK(Handler::captioned), nullptr);
  g_signal_connect(v.element(), "answer", G_CALLBACK(Handler::answered), &handler);
  v.play();
  v.push(0);
  EXPECT_TRUE(v.bus().answer());
  EXPECT_TRUE(v.bus().answer());
  EXPECT_TRUE(fake().wait_ended(3)); // after the handlers
  ASSERT_EQ(handler.answers.size(), 2u);
  EXPECT_EQ(handler.answers[0].second, "answer 2");
  EXPECT_EQ(handler.answers[1].second, "answer 3");
  EXPECT_NE(handler.answers[0].first, handler.answers[1].first);
}

TEST_F(Ask, MayBeCancelledInsideAHandler) {
  fake().hold();
  Handler handler;
  Caption v(std::string(kRarely) + "mode=async");
  g_signal_connect(v.element(), "answer", G_CALLBACK(Handler::answered), &handler);
  v.wait_loaded();
  v.play();
  v.push(0);
  const guint64 first = ask(v);
  handler.to_cancel = ask(v);
  const guint64 second = handler.to_cancel;
  fake().release();
  std::vector<guint64> told;
  for (int n = 0; n < 3; ++n)
    told.push_back(time_field(v.bus().answer().get(), "ask-id"));
  EXPECT_TRUE(fake().wait_ended(4)); // after the handlers
  EXPECT_EQ(told[0], first);
  EXPECT_EQ(told[1], second);
}

TEST_F(Ask, ComesByEventsFromBothSides) {
  Caption v(kRarely);
  const Own<GstPad> src(gst_element_get_static_pad(v.element(), "src"));
  TextLog log(src.get());
  begin(v);
  EXPECT_TRUE(gst_harness_push_event(v.h(), event(GST_EVENT_CUSTOM_DOWNSTREAM, "down?", 70)));
  EXPECT_EQ(time_field(v.bus().answer().get(), "ask-id"), 70u);
  EXPECT_TRUE(gst_harness_push_event(v.h(), event(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, "now?", 71)));
  EXPECT_EQ(time_field(v.bus().answer().get(), "ask-id"), 71u);
  EXPECT_TRUE(gst_harness_push_upstream_event(v.h(), event(GST_EVENT_CUSTOM_UPSTREAM, "up?", 72)));
  EXPECT_EQ(time_field(v.bus().answer().get(), "ask-id"), 72u);
  EXPECT_EQ(fake().seen().questions.back(), "up?");
  EXPECT_FALSE(log.event(GST_EVENT_CUSTOM_DOWNSTREAM));
  EXPECT_FALSE(log.event(GST_EVENT_CUSTOM_DOWNSTREAM_OOB));
}

// A pipeline sends an event to all of its sinks: it may arrive by several of them.
TEST_F(Ask, ByOneEventIsAskedOnce) {
  Caption v(kRarely);
  v.text();
  begin(v);
  const Own<GstEvent> twice(event(GST_EVENT_CUSTOM_UPSTREAM, "what?", 5));
  const Own<GstPad> text(gst_element_get_static_pad(v.element(), "text_src"));
  EXPECT_TRUE(gst_harness_push_upstream_event(v.h(), gst_event_ref(twice.get())));
  EXPECT_TRUE(gst_pad_send_event(text.get(), gst_event_ref(twice.get())));
  EXPECT_TRUE(v.bus().answer());
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(fake().seen().questions.size(), 2u);
}

TEST_F(Ask, IsCancelledByEvent) {
  Caption v;
  v.play();
  EXPECT_TRUE(gst_harness_push_event(v.h(), event(GST_EVENT_CUSTOM_DOWNSTREAM, "what?", 8)));
  EXPECT_FALSE(gst_harness_push_event(v.h(), event(GST_EVENT_CUSTOM_DOWNSTREAM, "same?", 8)));
  EXPECT_NE(problem_of(v.bus().wait(GST_MESSAGE_WARNING).get()).text.find("8 is open already"),
            std::string::npos);
  EXPECT_TRUE(gst_harness_push_event(
      v.h(), gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                  gst_structure_new("vlmcaption/cancel", "id", G_TYPE_UINT64,
                                                    guint64{8}, nullptr))));
  EXPECT_EQ(fate(v), "dropped: cancelled");
}

} // namespace
} // namespace vlm::test
