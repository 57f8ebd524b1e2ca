// SPDX-License-Identifier: LGPL-2.1-or-later
// How vlmgenerate is used: properties, states, queue, calls, errors, whole pipelines.
#include "tests/support/captioned.h"
#include "tests/support/generator.h"
#include "tests/support/slow_handler.h"

#include <gst/check/gsttestclock.h>

#include <set>
#include <unistd.h>

namespace vlm::test {
namespace {

class PaintUse : public ElementTest {};

Own<GstElement> make(const std::string &properties) {
  GstElement *element = gst_parse_launch(("vlmgenerate " + properties).c_str(), nullptr);
  return Own<GstElement>(GST_ELEMENT(gst_object_ref_sink(element)));
}

// ---- properties ---------------------------------------------------------------------------------

TEST_F(PaintUse, Properties) {
  const auto element = make("");
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element.get()), &count);
  std::set<std::string> own;
  for (guint i = 0; i < count; ++i) {
    const GParamSpec *spec = specs[i];
    if (spec->owner_type != G_OBJECT_TYPE(element.get()))
      continue;
    own.insert(spec->name);
    const int marks = !!(spec->flags & GST_PARAM_MUTABLE_READY) +
                      !!(spec->flags & GST_PARAM_MUTABLE_PAUSED) +
                      !!(spec->flags & GST_PARAM_MUTABLE_PLAYING);
    EXPECT_EQ(marks, spec->flags & G_PARAM_WRITABLE ? 1 : 0) << spec->name;
    EXPECT_GT(std::string(g_param_spec_get_blurb(specs[i])).size(), 30u) << spec->name;
    if (own.count("stats") && std::string(spec->name) == "stats")
      continue;
    GValue value = G_VALUE_INIT;
    g_value_init(&value, spec->value_type);
    g_object_get_property(G_OBJECT(element.get()), spec->name, &value);
    EXPECT_TRUE(g_param_value_defaults(specs[i], &value)) << spec->name;
    g_value_unset(&value);
  }
  g_free(specs);
  EXPECT_EQ(own, (std::set<std::string>{"model-path", "device", "precision", "threads", "steps",
                                        "guidance", "negative-prompt", "seed", "keep-loaded",
                                        "repeat", "preview", "queue-size", "queue-policy",
                                        "max-pending", "on-error", "stats"}));
}

// Values that it cannot do are not offered.
TEST_F(PaintUse, OffersThePrecisionsThatItHas) {
  GError *error = nullptr;
  for (const char *line : {"vlmgenerate precision=int8", "vlmgenerate precision=int4"}) {
    GstElement *element = gst_parse_launch_full(line, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
    EXPECT_EQ(element, nullptr) << line;
    EXPECT_NE(error, nullptr) << line;
    g_clear_error(&error);
  }
  EXPECT_TRUE(make("precision=float32"));
}

TEST_F(PaintUse, SaysWhatItIs) {
  GstElementFactory *factory = gst_element_factory_find("vlmgenerate");
  ASSERT_TRUE(factory);
  EXPECT_STREQ(gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS),
               "Converter/Text/Video");
  gst_object_unref(factory);
}

TEST_F(PaintUse, TakeAndGiveEveryValue) {
  const auto element = make("");
  const std::vector<std::pair<const char *, const char *>> values = {
      {"model-path", "/some/where"},
      {"device", "cpu"},
      {"precision", "bfloat16"},
      {"threads", "3"},
      {"steps", "9"},
      {"guidance", "0.5"},
      {"negative-prompt", "ugly"},
      {"seed", "18446744073709551615"},
      {"keep-loaded", "false"},
      {"repeat", "false"},
      {"preview", "5"},
      {"queue-size", "4"},
      {"queue-policy", "drop-newest"},
      {"max-pending", "7"},
      {"on-error", "warn"}};
  for (const auto &[name, value] : values) {
    gst_util_set_object_arg(G_OBJECT(element.get()), name, value);
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element.get()), name);
    GValue got = G_VALUE_INIT, want = G_VALUE_INIT;
    g_value_init(&got, spec->value_type);
    g_value_init(&want, spec->value_type);
    g_object_get_property(G_OBJECT(element.get()), name, &got);
    if (spec->value_type == G_TYPE_STRING)
      g_value_set_string(&want, value);
    else
      ASSERT_TRUE(gst_value_deserialize(&want, value)) << name;
    EXPECT_EQ(gst_value_compare(&got, &want), GST_VALUE_EQUAL) << name;
    g_value_unset(&got);
    g_value_unset(&want);
  }
}

// What NULL -> READY complains of.
Problem refusal(const std::string &properties) {
  const auto element = make(properties);
  Bus bus(element.get());
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const auto error = bus.wait(GST_MESSAGE_ERROR);
  gst_element_set_state(element.get(), GST_STATE_NULL);
  gst_element_set_bus(element.get(), nullptr);
  return error ? problem_of(error.get()) : Problem();
}

TEST_F(PaintUse, EmptyModelPathIsRefused) {
  const Problem problem = refusal("model-path=\"\"");
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("model-path"), std::string::npos) << problem.text;
}

TEST_F(PaintUse, WithoutAnEmbeddedPainterThePropertyIsNamed) {
  fake().fail_validate(ErrorCategory::Settings, "no painter is embedded");
  const Problem problem = refusal("");
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_EQ(problem.text, "model-path is not set: no painter is embedded");
}

TEST_F(PaintUse, WhatTheEngineRefusesIsToldBeforeAnythingRuns) {
  fake().fail_validate(ErrorCategory::NotFound, "/nowhere/model_index.json: no such file");
  const Problem problem = refusal("model-path=/nowhere");
  EXPECT_EQ(problem.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(problem.code, GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_EQ(fake().seen().loads, 0);
}

TEST_F(PaintUse, NegativePromptMustBeText) {
  const auto element = make("model-path=/painter");
  Bus bus(element.get());
  g_object_set(element.get(), "negative-prompt", "\xff", nullptr);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const Problem problem = problem_of(bus.wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("negative-prompt"), std::string::npos);
  gst_element_set_state(element.get(), GST_STATE_NULL);
  gst_element_set_bus(element.get(), nullptr);
}

TEST_F(PaintUse, OptionsReachTheEngine) {
  Generator g("precision=bfloat16 threads=3");
  g.play();
  g.push(0);
  g.pull();
  const PainterOptions options = fake().seen().painter;
  EXPECT_EQ(options.path, "/painter");
  EXPECT_EQ(options.device, "cpu");
  EXPECT_EQ(options.precision, "bfloat16");
  EXPECT_EQ(options.threads, 3);
}

TEST_F(PaintUse, ModelIsNotChangedWhileItRuns) {
  Generator g;
  g.play();
  g_object_set(g.element(), "model-path", "/other", nullptr);
  const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_WARNING).get());
  EXPECT_NE(problem.text.find("model-path"), std::string::npos);
}

// ---- states -------------------------------------------------------------------------------------

TEST_F(PaintUse, ModelThatCannotBeLoadedEndsTheStream) {
  fake().fail_open(ErrorCategory::Memory, "too large");
  Generator g;
  g.play();
  const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
  GstFlowReturn flow = GST_FLOW_OK;
  for (int n = 0; n < 3 && flow == GST_FLOW_OK; ++n)
    flow = g.push(n);
  EXPECT_EQ(flow, GST_FLOW_ERROR);
}

TEST_F(PaintUse, TwoElementsShareOneModel) {
  Generator a, b;
  a.play();
  b.play();
  a.push(0);
  b.push(0);
  a.pull();
  b.pull();
  EXPECT_EQ(fake().seen().loads, 1);
}

enum class Phase { Loading, Painting, Full, Pushing, Preview, Handler };
class PaintStops : public ElementTest, public ::testing::WithParamInterface<Phase> {
protected:
  // Brings the element into the phase.
  void SetUp() override {
    const Phase phase = GetParam();
    if (phase == Phase::Loading)
      fake().hold_open();
    g_ = std::make_unique<Generator>(shows(phase) ? "steps=3 preview=1" : "");
    if (phase == Phase::Handler)
      handler_ = std::make_unique<SlowHandler>(g_->element(), GST_MESSAGE_ELEMENT, kLong);
    if (phase == Phase::Preview)
      fake().hold_previews();
    g_->play();
    if (phase == Phase::Pushing) {
      g_->push(0);
      g_->pull(); // from now on pictures are all that is pushed
      pad_.reset(gst_element_get_static_pad(g_->element(), "src"));
      blocked_ = block(pad_.get());
    } else if (phase == Phase::Painting || phase == Phase::Full) {
      fake().hold();
      fake().deaf();
    }
    g_->push(3);
    if (phase == Phase::Painting || phase == Phase::Full) {
      EXPECT_TRUE(fake().wait_begun(1));
    }
    if (phase == Phase::Pushing) {
      EXPECT_TRUE(g_->wait_stat("painted", 2));
    }
    if (phase == Phase::Full) {
      g_->push(4);
      waiting_ = std::async(std::launch::async, [this] { return g_->push(5); });
    }
    if (phase == Phase::Preview) {
      EXPECT_TRUE(fake().wait_previewing());
    }
    if (phase == Phase::Handler)
      handler_->wait_entered();
  }
  void TearDown() override {
    if (waiting_.valid()) { // it may have come after the flush, too
      EXPECT_NE(waiting_.get(), GST_FLOW_ERROR);
    }
    if (blocked_)
      gst_pad_remove_probe(pad_.get(), blocked_);
    fake().release();
    pad_.reset();
    g_.reset();
    ElementTest::TearDown(); // nobody posts any more
  }

  static bool shows(Phase phase) { return phase == Phase::Preview || phase == Phase::Handler; }
  static constexpr std::chrono::milliseconds kLong{5 * static_cast<int>(kAtOnce) / 2};

  std::unique_ptr<SlowHandler> handler_;
  std::unique_ptr<Generator> g_;
  Own<GstPad> pad_;
  gulong blocked_ = 0;
  std::future<GstFlowReturn> waiting_;
};

TEST_P(PaintStops, AtOnceForNull) {
  EXPECT_LT(milliseconds([&] { gst_element_set_state(g_->element(), GST_STATE_NULL); }), kAtOnce);
  EXPECT_FALSE(g_->bus().poll(GST_MESSAGE_ERROR));
}

TEST_P(PaintStops, AtOnceForAFlush) {
  EXPECT_LT(milliseconds([&] {
              g_->push_event(gst_event_new_flush_start());
              g_->push_event(gst_event_new_flush_stop(TRUE));
            }),
            kAtOnce);
  EXPECT_FALSE(g_->bus().poll(GST_MESSAGE_ERROR));
}

INSTANTIATE_TEST_SUITE_P(PaintUse, PaintStops,
                         ::testing::Values(Phase::Loading, Phase::Painting, Phase::Full,
                                           Phase::Pushing, Phase::Preview, Phase::Handler),
                         [](const auto &info) { return std::to_string(info.index); });

TEST_F(PaintUse, ElementGoesWhileThePainterIsBusy) {
  GWeakRef weak;
  fake().hold();
  fake().deaf();
  {
    Generator g;
    g_weak_ref_init(&weak, g.element());
    g.play();
    g.push(0);
    EXPECT_TRUE(fake().wait_begun(1));
  }
  EXPECT_EQ(g_weak_ref_get(&weak), nullptr);
  g_weak_ref_clear(&weak);
  fake().release();
  EXPECT_TRUE(fake().wait_ended(1));
}

TEST_F(PaintUse, HundredRoundsLeaveNothingBehind) {
  Generator g;
  for (int i = 0; i < 100; ++i) {
    g.play();
    ASSERT_EQ(g.push("p", 0, GST_SECOND), GST_FLOW_OK) << i;
    ASSERT_EQ(prompt_of(g.pull().get()), "p") << i;
    EXPECT_EQ(g.stat("prompts"), 1u) << "counters begin anew";
    gst_element_set_state(g.element(), GST_STATE_NULL);
    gst_element_set_state(g.element(), GST_STATE_PLAYING);
  }
}

// ---- queue --------------------------------------------------------------------------------------

TEST_F(PaintUse, BehindFilesTheStreamWaits) {
  Generator g;
  g.play();
  fake().hold();
  g.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  g.push(1);
  auto third = std::async(std::launch::async, [&] { return g.push(2); });
  EXPECT_EQ(third.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  fake().release();
  EXPECT_EQ(third.get(), GST_FLOW_OK);
  for (int n = 0; n < 3; ++n)
    EXPECT_EQ(prompt_of(g.pull().get()), std::to_string(n));
}

TEST_F(PaintUse, ThousandPromptsAtOnceAreBoundedAndCounted) {
  for (const char *policy : {"drop-oldest", "drop-newest"}) {
    fake().reset();
    Generator g(std::string("queue-size=5 queue-policy=") + policy);
    g.play();
    fake().hold();
    g.push(0);
    EXPECT_TRUE(fake().wait_begun(1));
    for (int n = 1; n < 1000; ++n)
      ASSERT_EQ(g.push(n), GST_FLOW_OK);
    EXPECT_EQ(g.stat("prompts"), 1000u);
    EXPECT_EQ(g.stat("dropped"), 994u);
    EXPECT_EQ(g.stat("queue"), 5u);
    const auto qos = g.bus().wait(GST_MESSAGE_QOS);
    ASSERT_TRUE(qos);
    guint64 dropped = 0;
    gst_message_parse_qos_stats(qos.get(), nullptr, nullptr, &dropped);
    EXPECT_GT(dropped, 0u);
    g.push_event(gst_event_new_eos());
    fake().release();
    g.pull_event(GST_EVENT_EOS);
    ASSERT_EQ(gst_harness_buffers_received(g.h()), 6u);
    EXPECT_EQ(prompt_of(g.pull().get()), "0");
    const int first = policy == std::string("drop-oldest") ? 995 : 1;
    for (int n = first; n < first + 5; ++n)
      EXPECT_EQ(prompt_of(g.pull().get()), std::to_string(n));
  }
}

TEST_F(PaintUse, LiveDropsTheOldest) {
  Generator g("", "", true);
  g.play();
  fake().hold();
  g.push("first");
  EXPECT_TRUE(fake().wait_begun(1));
  g.push("second");
  g.push("third");
  EXPECT_EQ(g.stat("dropped"), 1u);
  fake().release();
  EXPECT_EQ(prompt_of(g.pull().get()), "first");
  EXPECT_EQ(prompt_of(g.pull().get()), "third");
}

TEST_F(PaintUse, WhatIsOverBeforeItsTurnIsSkipped) {
  Generator g("queue-size=10 queue-policy=drop-oldest");
  g.play();
  fake().hold();
  for (int n = 0; n < 4; ++n)
    g.push(n);
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_TRUE(gst_harness_push_upstream_event(
      g.h(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1, GST_SECOND, 2 * GST_SECOND)));
  fake().release();
  EXPECT_EQ(prompt_of(g.pull().get()), "0");
  EXPECT_EQ(prompt_of(g.pull().get()), "3");
  EXPECT_EQ(g.stat("late"), 2u);
  EXPECT_TRUE(g.bus().wait(GST_MESSAGE_QOS));
}

// Prompts of 20 ms each before a sink that keeps to the clock. The clock stands until the first
// picture is shown; then it is far ahead, and every other picture comes late.
class LateStream {
public:
  explicit LateStream(const std::string &properties, bool live = false) {
    const std::string line =
        "appsrc name=src format=time max-bytes=0 is-live=" + std::string(live ? "true" : "false") +
        " caps=text/x-raw,format=utf8 ! vlmgenerate name=g "
        "model-path=/painter " +
        properties + " ! fakesink sync=true qos=true";
    pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(line.c_str(), nullptr))));
    source_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "src"));
    painter_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "g"));
    clock_ = gst_test_clock_new();
    gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock_);
  }
  ~LateStream() {
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    gst_object_unref(clock_);
  }

  /// Whether everything went through.
  bool run() {
    Bus bus(pipeline_.get());
    fake().hold();
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    GstFlowReturn flow = GST_FLOW_OK;
    for (int n = 0; n < kPrompts; ++n)
      push(std::to_string(n), n * 20 * GST_MSECOND);
    g_signal_emit_by_name(source_.get(), "end-of-stream", &flow);
    fake().step();
    EXPECT_EQ(gst_element_get_state(pipeline_.get(), nullptr, nullptr, 10 * GST_SECOND),
              GST_STATE_CHANGE_SUCCESS);
    EXPECT_TRUE(fake().wait_ended(1));
    gst_test_clock_set_time(GST_TEST_CLOCK(clock_), 10 * GST_SECOND);
    fake().release();
    for (int tries = 0; tries < 10000; ++tries, g_usleep(1000)) {
      gst_test_clock_advance_time(GST_TEST_CLOCK(clock_), GST_MSECOND); // to the end of live ones
      if (GstClockID due = gst_test_clock_process_next_clock_id(GST_TEST_CLOCK(clock_)))
        gst_clock_id_unref(due); // the sink may go on
      if (bus.poll(GST_MESSAGE_EOS))
        return true;
    }
    return false;
  }
  guint64 stat(const char *field) {
    GstStructure *stats = nullptr;
    g_object_get(painter_.get(), "stats", &stats, nullptr);
    return time_field(Own<GstStructure>(stats).get(), field);
  }
  static constexpr int kPrompts = 15;

private:
  void push(const std::string &text, GstClockTime pts) {
    const Own<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, text.size(), nullptr));
    gst_buffer_fill(buffer.get(), 0, text.data(), text.size());
    GST_BUFFER_PTS(buffer.get()) = pts;
    GST_BUFFER_DURATION(buffer.get()) = 20 * GST_MSECOND;
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name(source_.get(), "push-buffer", buffer.get(), &flow);
  }

  Own<GstElement> pipeline_, source_, painter_;
  GstClock *clock_;
};

TEST_F(PaintUse, BehindAFileEverythingIsPaintedHoweverLateItIs) {
  for (const char *properties : {"", "queue-policy=block queue-size=3"}) {
    fake().reset();
    LateStream stream(properties);
    EXPECT_TRUE(stream.run());
    EXPECT_EQ(stream.stat("painted"), 15u) << properties;
    EXPECT_EQ(stream.stat("frames"), 15u) << properties;
    EXPECT_EQ(stream.stat("late"), 0u) << properties;
  }
}

TEST_F(PaintUse, WhatMayBeDroppedIsNotPaintedTooLate) {
  for (const bool live : {false, true}) {
    fake().reset();
    LateStream stream("queue-policy=drop-newest queue-size=100", live);
    EXPECT_TRUE(stream.run());
    EXPECT_GT(stream.stat("late"), 0u) << live;
    EXPECT_EQ(stream.stat("late") + stream.stat("painted"), 15u) << live;
  }
}

// The next picture is painted while nobody takes the last one, but only that.
TEST_F(PaintUse, PaintsOneAhead) {
  Generator g("queue-size=10");
  g.play();
  g.push(0);
  EXPECT_EQ(prompt_of(g.pull().get()), "0");
  const Own<GstPad> pad(gst_element_get_static_pad(g.element(), "src"));
  const gulong blocked = block(pad.get());
  for (int n = 1; n < 6; ++n)
    g.push(n);
  EXPECT_TRUE(g.wait_stat("painted", 3));
  EXPECT_EQ(fake().seen().begun, 3);
  EXPECT_EQ(g.stat("queue"), 3u);
  gst_pad_remove_probe(pad.get(), blocked);
  for (int n = 1; n < 6; ++n)
    EXPECT_EQ(prompt_of(g.pull().get()), std::to_string(n));
}

// ---- failures -----------------------------------------------------------------------------------

TEST_F(PaintUse, FailedPictureIsAnErrorOfItsKind) {
  fake().fail_request(2, ErrorCategory::Memory, "needs 9 GB, 2 GB are left");
  Generator g("queue-size=10");
  g.play();
  for (int n = 0; n < 3; ++n)
    g.push(n);
  const Problem problem = problem_of(g.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(problem.code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
  EXPECT_TRUE(g.pull_event(GST_EVENT_EOS));
  EXPECT_EQ(gst_harness_buffers_received(g.h()), 1u);
  EXPECT_EQ(g.push(3), GST_FLOW_ERROR);
  EXPECT_FALSE(g.bus().poll(GST_MESSAGE_ERROR)) << "told once";
}

TEST_F(PaintUse, FailedPictureMayBeAWarning) {
  fake().fail_request(1, ErrorCategory::Failed, "hiccup");
  Generator g("queue-size=10 on-error=warn");
  g.play();
  g.push(0);
  EXPECT_EQ(problem_of(g.bus().wait(GST_MESSAGE_WARNING).get()).text, "hiccup");
  GstClockTime start, duration;
  gst_event_parse_gap(g.pull_event(GST_EVENT_GAP).get(), &start, &duration);
  EXPECT_EQ(start + duration, GST_SECOND);
  g.push(1);
  EXPECT_EQ(prompt_of(g.pull().get()), "1");
  EXPECT_EQ(g.stat("failed"), 1u);
}

// ---- calls --------------------------------------------------------------------------------------

TEST_F(PaintUse, ActionPaintsWithoutAnyStream) {
  Generator g;
  const guint64 id = g.generate("a call");
  EXPECT_EQ(id, 1u);
  const auto picture = g.pull();
  EXPECT_EQ(prompt_of(picture.get()), "a call");
  EXPECT_EQ(time_field(generated(picture.get()), "id"), id);
  EXPECT_TRUE(GST_BUFFER_PTS_IS_VALID(picture.get()));
  EXPECT_TRUE(g.pull_event(GST_EVENT_SEGMENT));
}

TEST_F(PaintUse, CallsAndStreamKeepTheirOrder) {
  Generator g("queue-size=10");
  g.play();
  fake().hold();
  g.push(0);
  EXPECT_GT(g.generate("between"), 0u);
  g.push(1);
  fake().release();
  for (const char *text : {"0", "between", "1"})
    EXPECT_EQ(prompt_of(g.pull().get()), text);
}

TEST_F(PaintUse, CallsAreBounded) {
  Generator g("max-pending=3");
  g.play();
  fake().hold();
  g.generate("0");
  EXPECT_TRUE(fake().wait_begun(1));
  for (int n = 0; n < 3; ++n)
    EXPECT_GT(g.generate("p"), 0u);
  EXPECT_EQ(g.generate("too many"), 0u);
  EXPECT_NE(problem_of(g.bus().wait(GST_MESSAGE_WARNING).get()).text.find("max-pending"),
            std::string::npos);
}

TEST_F(PaintUse, CallsThatMakeNoSenseAreRefused) {
  Generator g;
  g.play();
  for (const char *blank : {"", " \n", "\u00a0\u3000"}) {
    EXPECT_EQ(g.generate(blank), 0u);
    EXPECT_TRUE(g.bus().wait(GST_MESSAGE_WARNING));
  }
  EXPECT_EQ(g.generate("\xff"), 0u);
  EXPECT_TRUE(g.bus().wait(GST_MESSAGE_WARNING));
  guint64 id = 1;
  g_signal_emit_by_name(g.element(), "generate", nullptr, &id);
  EXPECT_EQ(id, 0u);
  EXPECT_TRUE(g.bus().wait(GST_MESSAGE_WARNING));
  g.push_event(gst_event_new_eos());
  EXPECT_EQ(g.generate("late"), 0u);
  EXPECT_NE(problem_of(g.bus().wait(GST_MESSAGE_WARNING).get()).text.find("ended"),
            std::string::npos);
  gst_element_set_state(g.element(), GST_STATE_READY);
  EXPECT_EQ(g.generate("too early"), 0u);
}

GstEvent *request(GstEventType type, const char *prompt) {
  return gst_event_new_custom(
      type, gst_structure_new("vlmgenerate/generate", "prompt", G_TYPE_STRING, prompt, nullptr));
}

TEST_F(PaintUse, EventsFromBothSides) {
  Generator g;
  g.play();
  EXPECT_TRUE(gst_harness_push_upstream_event(g.h(), request(GST_EVENT_CUSTOM_UPSTREAM, "up")));
  EXPECT_EQ(prompt_of(g.pull().get()), "up");
  EXPECT_TRUE(g.push_event(request(GST_EVENT_CUSTOM_DOWNSTREAM, "down")));
  EXPECT_EQ(prompt_of(g.pull().get()), "down");
  EXPECT_TRUE(g.push_event(request(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, "now")));
  EXPECT_EQ(prompt_of(g.pull().get()), "now");
  GstEvent *twice = request(GST_EVENT_CUSTOM_UPSTREAM, "once");
  gst_event_ref(twice);
  gst_harness_push_upstream_event(g.h(), twice);
  gst_harness_push_upstream_event(g.h(), twice);
  EXPECT_EQ(prompt_of(g.pull().get()), "once");
  EXPECT_EQ(g.stat("prompts"), 4u);
  while (const auto event = Own<GstEvent>(gst_harness_try_pull_upstream_event(g.h())))
    EXPECT_NE(GST_EVENT_TYPE(event.get()), GST_EVENT_CUSTOM_UPSTREAM) << "goes no further";
}

TEST_F(PaintUse, PreviewsAreMessages) {
  Generator g("steps=5 preview=2");
  g.play();
  g.push("p", 0, GST_SECOND);
  for (const guint step : {2u, 4u}) {
    const auto message = g.bus().wait(GST_MESSAGE_ELEMENT);
    ASSERT_TRUE(message);
    const GstStructure *s = gst_message_get_structure(message.get());
    EXPECT_STREQ(gst_structure_get_name(s), "vlmgenerate/preview");
    EXPECT_EQ(text_field(s, "prompt"), "p");
    guint at = 0;
    gst_structure_get_uint(s, "step", &at);
    EXPECT_EQ(at, step);
    const GstSample *sample = gst_value_get_sample(gst_structure_get_value(s, "sample"));
    GstBuffer *buffer = gst_sample_get_buffer(const_cast<GstSample *>(sample));
    EXPECT_EQ(gst_buffer_get_size(buffer), 64u * 64 * 3);
  }
  g.pull();
  EXPECT_FALSE(g.bus().poll(GST_MESSAGE_ELEMENT));
}

// ... whose handlers a stop lets return.
TEST_F(PaintUse, StopLetsAPreviewsHandlerReturn) {
  Generator g("steps=2 preview=1");
  SlowHandler handler(g.element(), GST_MESSAGE_ELEMENT);
  g.play();
  g.push("p", 0, GST_SECOND);
  handler.wait_entered();
  gst_element_set_state(g.element(), GST_STATE_NULL);
  EXPECT_TRUE(handler.returned());
}

// ---- pipelines ----------------------------------------------------------------------------------

TEST_F(PaintUse, CaptionsArePaintedBesideTheVideo) {
  fake().script({"look: <h>a red bird</h>"});
  EXPECT_EQ(run_pipeline("videotestsrc num-buffers=10 ! video/x-raw,framerate=10/1 ! vlmcaption "
                         "name=v mode=sync generate=always interval=300000000 ! queue ! fakesink "
                         "v.prompt_src ! vlmgenerate model-path=/painter ! videoconvert ! "
                         "video/x-raw,format=I420,width=96,height=64,framerate=10/1 ! fakesink"),
            "");
  const auto paints = fake().seen().paints;
  ASSERT_EQ(paints.size(), 4u);
  EXPECT_EQ(paints[0].prompt, "a red bird");
  EXPECT_EQ(paints[0].width, 96);
}

TEST_F(PaintUse, TheQuestionItselfAsksForThePicture) {
  fake().script({"look: <h>a red bird</h>"});
  EXPECT_EQ(run_pipeline("videotestsrc num-buffers=1 ! vlmcaption name=c generate=auto "
                         "prompt=\"Draw this. <GEN>\" ! fakesink "
                         "c.prompt_src ! vlmgenerate ! videoconvert ! fakesink"),
            "");
  const FakeSeen seen = fake().seen();
  ASSERT_EQ(seen.paints.size(), 1u);
  EXPECT_EQ(seen.paints[0].prompt, "a red bird");
  EXPECT_EQ(seen.painter.path, "") << "the embedded one";
}

TEST_F(PaintUse, PicturesStandBesideTheVideoInOneFrame) {
  fake().script({"<h>p</h>"});
  EXPECT_EQ(
      run_pipeline("videotestsrc num-buffers=20 ! video/x-raw,framerate=10/1,width=64,height=64 ! "
                   "vlmcaption name=v mode=sync generate=always interval=500000000 ! queue ! "
                   "compositor name=c sink_1::xpos=64 ! video/x-raw,width=128,height=64 ! fakesink "
                   "v.prompt_src ! vlmgenerate model-path=/painter ! "
                   "video/x-raw,width=64,height=64,framerate=10/1 ! queue ! c."),
      "");
  EXPECT_EQ(fake().seen().paints.size(), 4u);
}

TEST_F(PaintUse, TypedLinesArePainted) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string typed = "a cat\na dog\n";
  ASSERT_EQ(write(ends[1], typed.data(), typed.size()), ssize_t(typed.size()));
  close(ends[1]);
  EXPECT_EQ(run_pipeline("fdsrc fd=" + std::to_string(ends[0]) +
                         " ! text/x-raw,format=utf8 ! vlmgenerate model-path=/painter ! "
                         "videoconvert ! fakesink"),
            "");
  close(ends[0]);
  const auto paints = fake().seen().paints;
  ASSERT_EQ(paints.size(), 2u);
  EXPECT_EQ(paints[0].prompt, "a cat");
  EXPECT_EQ(paints[1].prompt, "a dog");
}

} // namespace
} // namespace vlm::test
