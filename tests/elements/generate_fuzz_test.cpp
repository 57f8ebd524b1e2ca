// SPDX-License-Identifier: LGPL-2.1-or-later
// vlmgenerate under random sequences, as fuzz_test.cpp runs them for vlmcaption.
#include "tests/support/dice.h"
#include "tests/support/generator.h"

#include <iostream>
#include <unistd.h>

namespace vlm::test {
namespace {

constexpr unsigned kPatienceForPrompts = 60; // for one sequence: then SIGALRM ends the process

class Prompts : Dice {
public:
  explicit Prompts(guint32 seed) : Dice(seed, 0), generator_(properties(), caps(), one_in(2)) {}

  GstElement *element() { return generator_.element(); }
  void run() {
    if (!one_in(8))
      generator_.play();
    for (int steps = below(24) + 1; steps > 0; --steps)
      step();
  }

private:
  // Whoever waits for room waits for nobody here: on-error=warn, and never block.
  std::string properties() {
    static const char *const choices[] = {"queue-policy=drop-oldest", "queue-policy=drop-newest",
                                          "queue-policy=drop-oldest repeat=false preview=1",
                                          "queue-policy=drop-newest queue-size=20 max-pending=1"};
    return std::string(pick(choices)) + (one_in(2) ? " on-error=warn" : "");
  }
  std::string caps() {
    static const char *const choices[] = {
        "",
        "format=RGB,width=64,height=64,framerate=10/1",
        "format=I420,width=7,height=321",
        "format=NV12,width=64,height=64,pixel-aspect-ratio=16/15,framerate=1000/1",
        "format=RGB,width=64,height=64,interlace-mode=interleaved",
        "format=RGB,width=1,height=1,pixel-aspect-ratio=1/30000"};
    return pick(choices);
  }
  std::string text() {
    static const char *const choices[] = {"a red bird", "", " ", "a\xff", "line\nline\n", "<b>&"};
    return pick(choices);
  }

  // With a frame rate a prompt's duration is as many frames: it stays short.
  void push() {
    generator_.push(text(), time(),
                    one_in(3) ? GST_CLOCK_TIME_NONE
                              : static_cast<GstClockTime>(below(200)) * GST_MSECOND);
    while (GstBuffer *out = gst_harness_try_pull(generator_.h()))
      gst_buffer_unref(out);
  }
  GstEvent *custom(GstEventType type) {
    GstStructure *s = gst_structure_new_empty(one_in(4) ? "x" : "vlmgenerate/generate");
    if (!one_in(4))
      gst_structure_set(s, "prompt", G_TYPE_STRING, text().c_str(), nullptr);
    else if (one_in(2))
      gst_structure_set(s, "prompt", G_TYPE_INT, 3, nullptr);
    return gst_event_new_custom(type, s);
  }
  void event_from_upstream() {
    switch (below(8)) {
    case 0:
      return generator_.segment(one_in(3) ? GST_FORMAT_BYTES : GST_FORMAT_TIME, one_in(8) ? -1 : 1);
    case 1:
      return generator_.flush();
    case 2:
      generator_.push_event(gst_event_new_flush_start());
      return;
    case 3:
      generator_.push_event(gst_event_new_gap(static_cast<GstClockTime>(below(1000)) * GST_MSECOND,
                                              one_in(2) ? GST_CLOCK_TIME_NONE : GST_SECOND));
      return;
    case 4:
      generator_.push_event(gst_event_new_eos());
      return;
    case 5:
      generator_.push_event(gst_event_new_stream_start("again"));
      return;
    default:
      generator_.push_event(custom(GST_EVENT_CUSTOM_DOWNSTREAM));
    }
  }
  void event_from_downstream() {
    GstEvent *const event =
        one_in(3) ? gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1, below(1000) * GST_MSECOND, time())
        : one_in(2) ? gst_event_new_reconfigure()
                    : custom(GST_EVENT_CUSTOM_UPSTREAM);
    gst_harness_push_upstream_event(generator_.h(), event);
  }
  void set_property() {
    switch (below(4)) {
    case 0:
      return g_object_set(element(), "negative-prompt", one_in(3) ? nullptr : "b", nullptr);
    case 1:
      return g_object_set(element(), "seed", guint64{1}, "steps", 3, nullptr);
    case 2:
      return g_object_set(element(), "model-path", "/other", nullptr);
    default:
      return g_object_set(element(), "repeat", one_in(2), "queue-size", 1 + below(5), nullptr);
    }
  }
  void change_state() {
    static const GstState states[] = {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED,
                                      GST_STATE_PLAYING};
    gst_element_set_state(element(), states[below(4)]);
    if (one_in(2))
      gst_element_set_state(element(), GST_STATE_PLAYING);
  }
  void change_model() {
    if (one_in(2))
      fake().hold();
    else
      fake().release();
    if (one_in(4))
      fake().fail_request(1 + below(3), ErrorCategory::Failed, "hiccup");
  }
  void step() {
    switch (below(14)) {
    case 0:
    case 1:
    case 2:
      return event_from_upstream();
    case 3:
      return event_from_downstream();
    case 4:
      return set_property();
    case 5:
      return change_state();
    case 6:
      return change_model();
    case 7:
      generator_.generate(text());
      return;
    case 8:
      if (const std::string wanted = caps(); !wanted.empty())
        generator_.allow(wanted);
      return;
    default:
      return push();
    }
  }

  Generator generator_;
};

class GenerateFuzz : public ElementTest {};

TEST_F(GenerateFuzz, SequencesOfEverything) {
  const int count = from_environment("VLM_FUZZ", 300), first = from_environment("VLM_SEED", 1);
  for (int seed = first; seed < first + count; ++seed) {
    alarm(kPatienceForPrompts);
    fake().reset();
    SCOPED_TRACE("VLM_FUZZ=1 VLM_SEED=" + std::to_string(seed));
    Prompts(static_cast<guint32>(seed)).run();
  }
  alarm(0);
}

} // namespace
} // namespace vlm::test
