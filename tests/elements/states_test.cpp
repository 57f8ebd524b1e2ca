// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <cstdlib>
#include <set>
#include <thread>

namespace vlm::test {
namespace {

using States = ElementTest;

Own<GstElement> make(const std::string &properties = "") {
  GstElement *element = gst_parse_launch(("vlmcaption " + properties).c_str(), nullptr);
  return Own<GstElement>(GST_ELEMENT(gst_object_ref_sink(element)));
}

// What NULL -> READY complains of.
Problem refusal(const std::string &properties) {
  const auto element = make(properties);
  Bus bus(element.get());
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const auto error = bus.wait(GST_MESSAGE_ERROR);
  EXPECT_TRUE(error);
  EXPECT_FALSE(bus.poll(GST_MESSAGE_ERROR));
  gst_element_set_state(element.get(), GST_STATE_NULL);
  gst_element_set_bus(element.get(), nullptr);
  return error ? problem_of(error.get()) : Problem();
}

TEST_F(States, MissingModelIsToldBeforeAnythingRuns) {
  fake().fail_validate(ErrorCategory::NotFound, "/nowhere: no such directory");
  const Problem problem = refusal("model-path=/nowhere");
  EXPECT_EQ(problem.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(problem.code, GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_NE(problem.text.find("/nowhere"), std::string::npos);
  EXPECT_EQ(fake().seen().loads, 0);
}

TEST_F(States, ContradictingSettingsNameBoth) {
  const Problem problem = refusal("mode=sync queue-policy=drop-oldest");
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("mode=sync"), std::string::npos) << problem.text;
  EXPECT_NE(problem.text.find("queue-policy=drop-oldest"), std::string::npos) << problem.text;
}

// What no model could answer is told before one is loaded, with the property and its value.
TEST_F(States, ImpossibleQuestionsAreRefused) {
  const struct {
    const char *properties;
    std::vector<std::string> words;
  } cases[] = {
      {"prompt=\"\"", {"prompt=\"\""}},
      {"prompt=\"<image> what?\"", {"prompt", "<image> what?"}},
      {"prompt=\"{what} now?\"", {"prompt", "{what}", "{previous}"}},
      {"prompt=\"a { b\"", {"prompt", "brace", "twice"}},
      {"prompt=\"a } b\"", {"prompt", "brace", "twice"}},
      {"prompt={previous}", {"prompt=\"{previous}\"", "question"}},
      {"prompt=\"a {label}\"", {"prompt", "{label}"}},
      {"region-prompt=\"a {what}\"", {"region-prompt", "{what}", "{label}"}},
      {"region-prompt=\"<image>\"", {"region-prompt", "<image>"}},
      {"template=nonsense", {"template", "nonsense", "vicuna_v1"}},
      {"interval=2000000000 window=4000000000", {"interval=2000000000", "window=4000000000"}},
      {"window=40 overlap=40", {"overlap=40", "window=40"}},
      {"window=1000 overlap=999", {"overlap=999", "window=1000", "64"}},
      {"overlap=40", {"overlap=40", "window"}},
      {"frames=2", {"frames=2", "window"}},
      {R"(generate=always json-schema="{\"type\":\"string\"}")",
       {"generate=always", "json-schema"}},
      {"template=gemma system-prompt=brief", {"system-prompt", "brief", "gemma"}},
  };
  for (const auto &c : cases) {
    const Problem problem = refusal(c.properties);
    EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR) << c.properties;
    EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS) << c.properties;
    for (const std::string &word : c.words)
      EXPECT_NE(problem.text.find(word), std::string::npos) << problem.text;
  }
}

TEST_F(States, EmptyModelPathIsAMistake) {
  const Problem problem = refusal("model-path=\"\"");
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("model-path"), std::string::npos);
}

// The engine's library is looked for at first use only, and its absence says where. In a child
// process: this one has its engine already.
TEST_F(States, MissingEngineNamesWhatWasTried) {
  EXPECT_TRUE(
      passes_in_child("DISABLED_Child.MissingEngine", "GST_VLM_ENGINE", "/nowhere/engine.so"));
}

TEST(DISABLED_Child, MissingEngine) {
  const Problem problem = refusal("");
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_INIT);
  EXPECT_NE(problem.text.find("/nowhere/engine.so"), std::string::npos) << problem.text;
}

TEST_F(States, FailedLoadIsAnErrorAndEndsTheStream) {
  fake().fail_open(ErrorCategory::Memory, "needs 7 GB, 2 GB are left");
  Caption v;
  v.play();
  EXPECT_EQ(v.push(0), GST_FLOW_ERROR);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(problem.code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
  EXPECT_EQ(problem.text, "needs 7 GB, 2 GB are left");
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
}

std::vector<GstProgressType> progress_until_end(Bus &bus) {
  std::vector<GstProgressType> seen;
  while (auto message = bus.wait(GST_MESSAGE_PROGRESS)) {
    GstProgressType type;
    gchar *code = nullptr;
    gst_message_parse_progress(message.get(), &type, &code, nullptr);
    EXPECT_STREQ(code, "open");
    g_free(code);
    seen.push_back(type);
    if (type != GST_PROGRESS_TYPE_START && type != GST_PROGRESS_TYPE_CONTINUE)
      break;
  }
  return seen;
}

TEST_F(States, LoadingIsToldByProgressMessages) {
  Caption v;
  const auto seen = progress_until_end(v.bus());
  EXPECT_EQ(seen,
            (std::vector<GstProgressType>{GST_PROGRESS_TYPE_START, GST_PROGRESS_TYPE_CONTINUE,
                                          GST_PROGRESS_TYPE_CONTINUE, GST_PROGRESS_TYPE_COMPLETE}));
}

TEST_F(States, FailedAndCancelledLoadsEndTheirProgress) {
  {
    fake().fail_open(ErrorCategory::Failed, "no");
    Caption v;
    EXPECT_EQ(progress_until_end(v.bus()).back(), GST_PROGRESS_TYPE_ERROR);
  }
  fake().reset();
  fake().hold_open();
  Caption v;
  EXPECT_TRUE(fake().wait_opening());
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_READY); }), kAtOnce);
  EXPECT_EQ(progress_until_end(v.bus()).back(), GST_PROGRESS_TYPE_CANCELED);
}

// The state change returns while the model is still being loaded; the first frame waits for it.
TEST_F(States, LoadingDoesNotBlockTheStateChange) {
  fake().hold_open();
  Caption v;
  GstState state;
  EXPECT_EQ(gst_element_get_state(v.element(), &state, nullptr, 0), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(state, GST_STATE_PLAYING);
  v.play();
  auto pushed = std::async(std::launch::async, [&] { return v.push(0); });
  EXPECT_TRUE(fake().wait_opening());
  fake().release();
  EXPECT_EQ(pushed.get(), GST_FLOW_OK);
  EXPECT_EQ(caption_of(v.pull().get()), "answer 1");
}

TEST_F(States, TwoElementsShareOneModel) {
  Caption a, b;
  a.play();
  b.play();
  a.push(0);
  b.push(0);
  EXPECT_EQ(fake().seen().loads, 1);
  EXPECT_EQ(fake().seen().most_at_once, 1);
}

// READY keeps the model, NULL lets it go.
TEST_F(States, RestartFindsTheModelLoaded) {
  Caption v("interval=0");
  v.play();
  v.push(0);
  gst_element_set_state(v.element(), GST_STATE_READY);
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  v.play();
  v.push(1);
  EXPECT_EQ(fake().seen().loads, 1);
  gst_element_set_state(v.element(), GST_STATE_NULL);
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  v.play();
  v.push(2);
  EXPECT_EQ(fake().seen().loads, 2);
}

TEST_F(States, AnotherModelMayBeChosenInReady) {
  Caption v("interval=0");
  v.play();
  v.push(0);
  gst_element_set_state(v.element(), GST_STATE_READY);
  g_object_set(v.element(), "model-path", "/another", nullptr);
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  v.play();
  EXPECT_EQ(v.push(1), GST_FLOW_OK);
  EXPECT_EQ(fake().seen().options.path, "/another");
  EXPECT_EQ(fake().seen().loads, 2);
}

// Nothing of the first run shows in the second.
TEST_F(States, RestartForgetsEverything) {
  Caption v("repeat-caption=true");
  v.play();
  v.push(0);
  v.pull();
  gst_element_set_state(v.element(), GST_STATE_READY);
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  fake().hold();
  v.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = kFrame;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  v.push(0); // before the segment: not due
  EXPECT_EQ(meta_of(v.pull().get()), nullptr);
  EXPECT_EQ(v.stat("frames"), 1u);
  EXPECT_EQ(v.stat("due"), 0u);
}

// ... nor in what the model is told, in what the gate compares with, or on the pads.
TEST_F(States, RestartForgetsWhatWasSaid) {
  Caption v("interval=0 history=3 change-threshold=0.1 prompt=\"Before: {previous}. What?\"");
  TextLog &text = v.text();
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "text_src"));
  std::vector<bool> discontinuous;
  const gulong probe = gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer out) {
        static_cast<std::vector<bool> *>(out)->push_back(
            GST_BUFFER_IS_DISCONT(GST_PAD_PROBE_INFO_BUFFER(info)));
        return GST_PAD_PROBE_OK;
      },
      &discontinuous, nullptr);
  v.play();
  v.push(100, 50);
  v.push(101, 200); // the model is told of the first
  ASSERT_TRUE(text.wait_texts(2));
  EXPECT_EQ(fake().seen().turns.back().size(), 1u);
  EXPECT_EQ(fake().seen().questions.back(), "Before: answer 1. What?");
  gst_element_set_state(v.element(), GST_STATE_READY);
  text.clear();
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  v.play();
  v.push(1, 200); // as the last one
  ASSERT_TRUE(text.wait_texts(1));
  EXPECT_EQ(v.stat("answered"), 1u);
  EXPECT_EQ(v.stat("skipped-unchanged"), 0u);
  EXPECT_EQ(fake().seen().begun, 3);
  EXPECT_EQ(fake().seen().turns.back().size(), 0u);
  EXPECT_EQ(fake().seen().questions.back(), "Before: . What?");
  EXPECT_EQ(text.texts()[0].start, kFrame); // not where the first run was
  gst_pad_remove_probe(pad.get(), probe);
  EXPECT_EQ(discontinuous, (std::vector<bool>{true, false, true}));
}

TEST_F(States, HundredRoundsLeaveNothingBehind) {
  const auto element = make();
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(gst_element_set_state(element.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    if (i % 3 == 0)
      gst_element_set_state(element.get(), GST_STATE_PAUSED);
    if (i % 5 == 0)
      gst_element_set_state(element.get(), GST_STATE_READY);
    gst_element_set_state(element.get(), GST_STATE_NULL);
  }
  EXPECT_EQ(GST_OBJECT_REFCOUNT(element.get()), 1);
}

TEST_F(States, HundredRoundsWithFrames) {
  Caption v("interval=0");
  for (int i = 0; i < 100; ++i) {
    v.play();
    ASSERT_EQ(v.push(0), GST_FLOW_OK) << i;
    v.pull();
    gst_element_set_state(v.element(), GST_STATE_NULL);
    gst_element_set_state(v.element(), GST_STATE_PLAYING);
  }
  EXPECT_TRUE(fake().wait_ended(100));
}

// ---- nobody waits for the model
// -------------------------------------------------------------------

struct Phase {
  const char *name;
  bool live;
  void (*enter)(Caption &v, std::vector<std::future<void>> &threads);
};
void PrintTo(const Phase &phase, std::ostream *out) { *out << phase.name; }

void push_and_wait(Caption &v, std::vector<std::future<void>> &threads) {
  fake().hold();
  v.play();
  threads.push_back(std::async(std::launch::async, [&v] { v.push(0); }));
  EXPECT_TRUE(fake().wait_begun(1));
}

const Phase kPhases[] = {
    {"loading, first frame waits", false,
     [](Caption &v, std::vector<std::future<void>> &threads) {
       // The element loads already; a second start meets the gate.
       gst_element_set_state(v.element(), GST_STATE_NULL);
       fake().hold_open();
       gst_element_set_state(v.element(), GST_STATE_PLAYING);
       v.play();
       threads.push_back(std::async(std::launch::async, [&v] { v.push(0); }));
       EXPECT_TRUE(fake().wait_opening());
     }},
    {"a frame waits for its caption", false, push_and_wait},
    {"the model is inside a layer", false,
     [](Caption &v, std::vector<std::future<void>> &threads) {
       fake().deaf();
       push_and_wait(v, threads);
     }},
    {"EOS waits for the last caption", true,
     [](Caption &v, std::vector<std::future<void>> &threads) {
       fake().deaf();
       fake().hold();
       v.play();
       v.push(0);
       EXPECT_TRUE(fake().wait_begun(1));
       threads.push_back(std::async(std::launch::async,
                                    [&v] { gst_harness_push_event(v.h(), gst_event_new_eos()); }));
     }},
    {"video waits for room", true,
     [](Caption &v, std::vector<std::future<void>> &threads) {
       fake().deaf();
       fake().hold();
       v.play();
       v.push(0);
       EXPECT_TRUE(fake().wait_begun(1));
       threads.push_back(std::async(std::launch::async, [&v] {
         for (int n = 1; n < 4; ++n)
           v.push(n);
       }));
     }},
};

class NoWaiting : public ElementTest, public ::testing::WithParamInterface<Phase> {
protected:
  static std::string properties() {
    const std::string name = GetParam().name;
    return name == "video waits for room" ? "interval=0 queue-policy=block" : "interval=0";
  }
};

TEST_P(NoWaiting, ForNull) {
  Caption v(properties(), GetParam().live);
  std::vector<std::future<void>> threads;
  GetParam().enter(v, threads);
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_NULL); }), kAtOnce);
  for (auto &thread : threads)
    thread.get();
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR)) << "stopping is no error";
  fake().release();
}

TEST_P(NoWaiting, ForFlush) {
  Caption v(properties(), GetParam().live);
  std::vector<std::future<void>> threads;
  GetParam().enter(v, threads);
  EXPECT_LT(milliseconds([&] {
              gst_harness_push_event(v.h(), gst_event_new_flush_start());
              for (auto &thread : threads)
                thread.get();
              gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
            }),
            kAtOnce);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
  EXPECT_TRUE(v.bus().captions().empty());
  // And it goes on: the old answer is dropped, the new one comes.
  fake().release();
  v.segment();
  ASSERT_EQ(v.push(50), GST_FLOW_OK);
  const auto record = v.bus().caption();
  ASSERT_TRUE(record);
  EXPECT_EQ(time_field(record.get(), "pts"), 50 * kFrame);
  EXPECT_TRUE(v.eos().get());
}

INSTANTIATE_TEST_SUITE_P(States, NoWaiting, ::testing::ValuesIn(kPhases),
                         [](const auto &info) { return std::to_string(info.index); });

// Several in one pipeline stop one after the other: all of them within the time of one.
TEST_F(States, ManyElementsStopAtOnce) {
  std::vector<std::unique_ptr<Caption>> cameras;
  for (int i = 0; i < 8; ++i)
    cameras.push_back(
        std::make_unique<Caption>("interval=0 model-path=/" + std::to_string(i), true));
  fake().hold();
  fake().deaf();
  for (auto &camera : cameras) {
    camera->wait_loaded();
    camera->play();
    camera->push(0);
  }
  EXPECT_TRUE(fake().wait_begun(8));
  EXPECT_LT(milliseconds([&] {
              for (auto &camera : cameras)
                gst_element_set_state(camera->element(), GST_STATE_NULL);
            }),
            kAtOnce);
  fake().release();
}

// A model that is still inside a layer does not keep the element or its memory.
TEST_F(States, ElementGoesWhileTheModelIsBusy) {
  auto element = make("interval=0");
  GWeakRef weak;
  g_weak_ref_init(&weak, element.get());
  fake().hold();
  fake().deaf();
  GstHarness *h = gst_harness_new_with_element(element.get(), "sink", "src"); // live by default
  gst_harness_set_src_caps_str(h, "video/x-raw,format=RGB,width=4,height=4,framerate=25/1");
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 48, nullptr);
  GST_BUFFER_PTS(buffer) = 0;
  EXPECT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
  EXPECT_TRUE(fake().wait_begun(1));
  element.reset();
  gst_harness_teardown(h);
  EXPECT_EQ(g_weak_ref_get(&weak), nullptr);
  g_weak_ref_clear(&weak);
  fake().release();
  EXPECT_TRUE(fake().wait_ended(1));
}

// Ends a flush in the middle of the element's stop, when the loading is given up; the next frame
// comes as soon.
struct FlushInStop {
  Caption &v;
  std::future<GstFlowReturn> pushed{};

  static GstBusSyncReply handle(GstBus *, GstMessage *message, gpointer self) {
    GstProgressType type = GST_PROGRESS_TYPE_START;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_PROGRESS)
      gst_message_parse_progress(message, &type, nullptr, nullptr);
    if (type == GST_PROGRESS_TYPE_CANCELED)
      static_cast<FlushInStop *>(self)->flush();
    return GST_BUS_PASS;
  }

  void flush() {
    gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
    pushed = std::async(std::launch::async, [this] { return v.push(0); });
    while (pushed.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready &&
           v.stat("due") == 0)
      ;
  }
};

// Nobody loads the model any more: a frame that waited for it would hold up the stop for ever.
TEST_F(States, EndOfAFlushDoesNotUndoAStop) {
  fake().hold_open();
  Caption v("interval=0");
  v.play();
  gst_harness_push(v.h(), v.frame_at(GST_CLOCK_TIME_NONE));
  FlushInStop racer{v};
  const Own<GstBus> bus(gst_element_get_bus(v.element()));
  gst_bus_set_sync_handler(bus.get(), FlushInStop::handle, &racer, nullptr);
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_READY); }), kAtOnce);
  EXPECT_EQ(racer.pushed.get(), GST_FLOW_FLUSHING);
  EXPECT_EQ(v.stat("due"), 0u);
}

// Everything that an application may do from whichever thread posts a message.
struct Nosy {
  GstElement *element;
  std::mutex mutex;
  std::set<std::string> kinds; ///< of messages that were looked into
  std::promise<void> gone;

  static void left(gpointer self) { static_cast<Nosy *>(self)->gone.set_value(); }
  static GstBusSyncReply handle(GstBus *, GstMessage *message, gpointer self) {
    static thread_local bool inside = false; // of the messages that this makes
    if (inside)
      return GST_BUS_PASS;
    inside = true;
    static_cast<Nosy *>(self)->look(message);
    inside = false;
    return GST_BUS_PASS;
  }

  void look(GstMessage *message) {
    const GstStructure *s = gst_message_get_structure(message);
    {
      std::lock_guard<std::mutex> lock(mutex);
      kinds.insert(GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT
                       ? gst_structure_get_name(s)
                       : GST_MESSAGE_TYPE_NAME(message));
    }
    read_properties();
    gst_util_set_object_arg(G_OBJECT(element), "latency", "1");
    gst_util_set_object_arg(G_OBJECT(element), "max-tokens", "9");
    for (const char *name : {"src", "sink", "text_src", "json_src"})
      query(name);
    guint64 id = 0;
    g_signal_emit_by_name(element, "cancel", guint64{1000});
    g_signal_emit_by_name(element, "ask-at", "what?", guint64{0}, &id);
  }

  void read_properties() {
    guint count = 0;
    GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
    for (guint i = 0; i < count; ++i) {
      GValue value = G_VALUE_INIT;
      g_value_init(&value, specs[i]->value_type);
      if (specs[i]->flags & G_PARAM_READABLE)
        g_object_get_property(G_OBJECT(element), specs[i]->name, &value);
      g_value_unset(&value);
    }
    g_free(specs);
  }

  void query(const char *name) {
    const Own<GstPad> pad(gst_element_get_static_pad(element, name));
    if (!pad)
      return;
    for (GstQuery *each : {gst_query_new_latency(), gst_query_new_position(GST_FORMAT_TIME),
                           gst_query_new_duration(GST_FORMAT_TIME), gst_query_new_caps(nullptr),
                           gst_query_new_seeking(GST_FORMAT_TIME)}) {
      gst_pad_query(pad.get(), each);
      gst_query_unref(each);
    }
  }
};

TEST_F(States, HandlerMayDoAnythingOnEveryMessage) {
  std::set<std::string> kinds;
  for (const bool live : {false, true}) {
    fake().reset();
    Caption v("interval=0 on-error=warn queue-size=0 latency=1", live);
    Nosy nosy{v.element(), {}, {}, {}};
    const Own<GstBus> bus(gst_element_get_bus(v.element()));
    gst_bus_set_sync_handler(bus.get(), Nosy::handle, &nosy, Nosy::left);
    gst_element_set_state(v.element(), GST_STATE_NULL);
    gst_element_set_state(v.element(), GST_STATE_PLAYING); // loads with the handler
    v.text();
    v.outlet("json_src");
    v.wait_loaded();
    fake().fail_request(2, ErrorCategory::Failed, "no");
    v.play();
    guint64 id = 0;
    g_signal_emit_by_name(v.element(), "ask", "what?", &id);
    if (live)
      fake().hold();
    for (int n = 0; n < 5; ++n) {
      v.push(n);
      g_object_set(v.element(), "prompt", ("q" + std::to_string(n) + "?").c_str(), nullptr);
    }
    gst_harness_push(v.h(), v.frame_at(GST_CLOCK_TIME_NONE));
    fake().release();
    EXPECT_TRUE(v.eos().get());
    v.flush();
    v.push(9);
    g_object_set(v.element(), "latency", guint64{2}, "device", "cpu", nullptr);
    gst_element_set_state(v.element(), GST_STATE_NULL);
    gst_bus_set_sync_handler(bus.get(), nullptr, nullptr, nullptr);
    nosy.gone.get_future().wait(); // also from the thread that may be in it
    kinds.insert(nosy.kinds.begin(), nosy.kinds.end());
  }
  for (const char *kind :
       {"progress", "stream-status", "state-changed", "latency", "qos", "warning",
        "vlmcaption/caption", "vlmcaption/answer", "vlmcaption/prompt-changed"})
    EXPECT_TRUE(kinds.count(kind)) << kind;
}

// What an application's handler uses may be gone once the element has stopped.
TEST_F(States, StopLetsAHandlerReturn) {
  struct Handler {
    std::promise<void> entered{};
    std::atomic<bool> returned{false};
    void run() {
      entered.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      returned = true;
    }
  };
  for (const char *signal : {"caption", "answer"}) {
    fake().reset();
    Handler handler;
    Caption v("interval=0", true);
    v.play();
    if (signal == std::string("caption"))
      g_signal_connect(v.element(), signal,
                       G_CALLBACK(+[](GstElement *, GstStructure *, Handler *h) { h->run(); }),
                       &handler);
    else
      g_signal_connect(v.element(), signal,
                       G_CALLBACK(+[](GstElement *, guint64, gchar *, Handler *h) { h->run(); }),
                       &handler);
    guint64 id = 0;
    if (signal == std::string("answer"))
      g_signal_emit_by_name(v.element(), "ask", "what?", &id);
    v.push(0);
    handler.entered.get_future().wait();
    gst_element_set_state(v.element(), GST_STATE_NULL);
    EXPECT_TRUE(handler.returned) << signal;
  }
}

// ... but a handler that waits for whoever stops the element does not stop it from stopping.
TEST_F(States, StopDoesNotWaitForAHandlerForEver) {
  struct Handler {
    std::promise<void> entered{}, stopped{};
  } handler;
  Caption v("interval=0", true);
  v.play();
  g_signal_connect(v.element(), "caption",
                   G_CALLBACK(+[](GstElement *, GstStructure *, Handler *h) {
                     h->entered.set_value();
                     h->stopped.get_future().wait();
                   }),
                   &handler);
  v.push(0);
  handler.entered.get_future().wait();
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_NULL); }), kAtOnce);
  handler.stopped.set_value();
}

// An application may stop the element from inside its own handler, on the model's thread.
TEST_F(States, HandlerMayStopTheElement) {
  Caption v("interval=0", true);
  g_signal_connect(v.element(), "caption", G_CALLBACK(+[](GstElement *element, GstStructure *) {
                     gst_element_set_state(element, GST_STATE_NULL);
                   }),
                   nullptr);
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_ended(1));
  GstState state;
  gst_element_get_state(v.element(), &state, nullptr, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(state, GST_STATE_NULL);
}

} // namespace
} // namespace vlm::test
