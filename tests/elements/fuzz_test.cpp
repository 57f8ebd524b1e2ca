// SPDX-License-Identifier: LGPL-2.1-or-later
// Random sequences of buffers, events, queries, properties, pads and states, legal and not. What
// must hold: no critical message (they end the process), no hang, and the element is gone
// afterwards. 1,000 sequences by default; VLM_FUZZ=COUNT for more, VLM_SEED=N for others.
#include "tests/support/harness.h"

#include <cstdlib>
#include <iostream>
#include <unistd.h>

namespace vlm::test {
namespace {

constexpr unsigned kPatienceSeconds = 60; // for one sequence: then SIGALRM ends the process

int from_environment(const char *name, int otherwise) {
  const char *value = g_getenv(name);
  return value ? atoi(value) : otherwise;
}

class Sequence {
public:
  explicit Sequence(guint32 seed)
      : random_(g_rand_new_with_seed(seed)), caption_(properties(), one_in(2)) {}
  ~Sequence() { g_rand_free(random_); }
  Sequence(const Sequence &) = delete;
  Sequence &operator=(const Sequence &) = delete;

  void run() {
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_I420, 16, 16);
    gst_element_set_state(element(), GST_STATE_PLAYING);
    if (!one_in(8))
      set_caps();
    for (int steps = below(24) + 1; steps > 0; --steps)
      step();
  }
  GstElement *element() { return caption_.element(); }

private:
  int below(int end) { return g_rand_int_range(random_, 0, end); }
  bool one_in(int n) { return below(n) == 0; }
  template <size_t N> const char *pick(const char *const (&list)[N]) {
    return list[below(static_cast<int>(N))];
  }

  std::string properties() {
    static const char *const choices[] = {"interval=0",
                                          "interval=0 change-threshold=0.1",
                                          "interval=80000000 repeat-caption=false",
                                          R"(interval=0 questions="<\"a?\",\"b?\">")",
                                          "interval=0 on-error=warn queue-policy=drop-newest",
                                          "mode=async interval=0",
                                          "mode=sync interval=0"};
    return pick(choices);
  }

  GstClockTime time() {
    switch (below(6)) {
    case 0:
      return GST_CLOCK_TIME_NONE;
    case 1:
      return 0;
    case 2:
      return G_MAXUINT64 - 1 - static_cast<guint64>(below(3));
    case 3:
      return static_cast<GstClockTime>(below(1000)) * GST_SECOND * 3600;
    default:
      return now_ += static_cast<GstClockTime>(below(100)) * GST_MSECOND;
    }
  }

  void set_caps() {
    static const char *const formats[] = {"I420", "RGB",  "NV12",     "GRAY8",
                                          "BGRx", "YUY2", "I420_10LE"};
    static const int sizes[] = {1, 2, 7, 64, 321};
    static const char *const more[] = {"", ",pixel-aspect-ratio=(fraction)2/1",
                                       ",interlace-mode=interleaved", ",colorimetry=bt709"};
    const std::string text = std::string("video/x-raw,framerate=25/1,format=") + pick(formats) +
                             ",width=" + std::to_string(sizes[below(5)]) +
                             ",height=" + std::to_string(sizes[below(5)]) + pick(more);
    const Own<GstCaps> caps(gst_caps_from_string(text.c_str()));
    gst_video_info_from_caps(&info_, caps.get());
    if (!one_in(10))
      gst_harness_push_event(caption_.h(), gst_event_new_stream_start("first"));
    gst_harness_push_event(caption_.h(), gst_event_new_caps(caps.get()));
    if (!one_in(10))
      gst_harness_push_event(caption_.h(), segment());
  }

  void push_buffer() {
    GstBuffer *buffer =
        one_in(6)   ? gst_buffer_new()
        : one_in(6) ? gst_buffer_new_allocate(nullptr, static_cast<gsize>(below(5000)), nullptr)
                    : gst_buffer_new_allocate(nullptr, info_.size, nullptr);
    GST_BUFFER_PTS(buffer) = time();
    GST_BUFFER_DURATION(buffer) = one_in(2) ? time() : GST_CLOCK_TIME_NONE;
    if (one_in(5))
      GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    if (one_in(5))
      gst_buffer_add_video_region_of_interest_meta(
          buffer, "thing", static_cast<guint>(below(400)), static_cast<guint>(below(400)),
          static_cast<guint>(below(400)), static_cast<guint>(below(400)));
    const Own<GstBuffer> shared(one_in(3) ? gst_buffer_ref(buffer) : gst_buffer_new());
    gst_harness_push(caption_.h(), buffer);
    while (GstBuffer *out = gst_harness_try_pull(caption_.h()))
      gst_buffer_unref(out);
  }

  GstEvent *segment() {
    GstSegment segment;
    gst_segment_init(&segment, one_in(5) ? GST_FORMAT_BYTES : GST_FORMAT_TIME);
    segment.rate = one_in(5) ? -1 : one_in(5) ? 2 : 1;
    segment.start = static_cast<guint64>(below(5)) * GST_SECOND;
    segment.time = static_cast<guint64>(below(5)) * GST_SECOND;
    if (segment.rate < 0 || one_in(3))
      segment.stop = segment.start + GST_SECOND;
    return gst_event_new_segment(&segment);
  }

  GstEvent *event_from_upstream() {
    static const char *const names[] = {"vlmcaption/ask", "vlmcaption/cancel", "vlmcaption/record",
                                        "x"};
    switch (below(9)) {
    case 0:
      return segment();
    case 1:
      return gst_event_new_flush_start();
    case 2:
      return gst_event_new_flush_stop(one_in(2));
    case 3:
      return gst_event_new_gap(static_cast<GstClockTime>(below(1000)) * GST_MSECOND,
                               one_in(2) ? GST_CLOCK_TIME_NONE : GST_SECOND);
    case 4:
      return gst_event_new_eos();
    case 5:
      return gst_event_new_stream_start("again");
    case 6:
      return gst_event_new_segment_done(GST_FORMAT_TIME, 0);
    case 7:
      return gst_event_new_tag(gst_tag_list_new_empty());
    default:
      return custom(GST_EVENT_CUSTOM_DOWNSTREAM, pick(names));
    }
  }

  GstEvent *custom(GstEventType type, const char *name) {
    GstStructure *s = gst_structure_new_empty(name);
    if (one_in(2))
      gst_structure_set(s, "question", G_TYPE_STRING, one_in(2) ? "What?" : "", nullptr);
    if (one_in(2))
      gst_structure_set(s, "id", G_TYPE_UINT64, static_cast<guint64>(below(4)), nullptr);
    if (one_in(3))
      gst_structure_set(s, "pts", G_TYPE_UINT64, time(), nullptr);
    if (one_in(4))
      gst_structure_set(s, "question", G_TYPE_INT, 3, nullptr);
    return gst_event_new_custom(type, s);
  }

  GstEvent *event_from_downstream() {
    static const char *const names[] = {"vlmcaption/ask", "vlmcaption/cancel", "y"};
    switch (below(4)) {
    case 0:
      return gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                GST_SEEK_TYPE_NONE, 0);
    case 1:
      return gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1, 1, 0);
    case 2:
      return gst_event_new_reconfigure();
    default:
      return custom(GST_EVENT_CUSTOM_UPSTREAM, pick(names));
    }
  }

  void query() {
    GstQuery *queries[] = {gst_query_new_latency(), gst_query_new_position(GST_FORMAT_TIME),
                           gst_query_new_caps(nullptr), gst_query_new_drain()};
    GstPad *pad = gst_element_get_static_pad(element(), one_in(2) ? "src" : "sink");
    gst_pad_query(pad, queries[below(3)]);
    gst_object_unref(pad);
    for (GstQuery *each : queries)
      gst_query_unref(each);
  }

  void set_property() {
    GstElement *e = element();
    switch (below(7)) {
    case 0:
      g_object_set(e, "prompt", one_in(4) ? "" : "Where?", nullptr);
      break;
    case 1:
      g_object_set(e, "interval", static_cast<guint64>(below(3)) * 40 * GST_MSECOND, nullptr);
      break;
    case 2:
      g_object_set(e, "max-tokens", static_cast<guint>(below(200) + 1), nullptr);
      break;
    case 3:
      g_object_set(e, "template", one_in(2) ? "" : "nonsense", nullptr);
      break;
    case 4:
      g_object_set(e, "change-threshold", below(10) / 10., nullptr);
      break;
    case 5:
      g_object_set(e, "mode", below(3), "queue-policy", below(4), nullptr);
      break;
    default:
      g_object_set(e, "system-prompt", one_in(2) ? nullptr : "Be brief.", nullptr);
    }
  }

  void pads() {
    static const char *const names[] = {"text_src", "prompt_src", "json_src"};
    const char *name = pick(names);
    if (GstPad *pad = gst_element_get_static_pad(element(), name)) {
      gst_element_release_request_pad(element(), pad);
      gst_object_unref(pad);
    } else if (GstPad *made = gst_element_request_pad_simple(element(), name)) {
      gst_object_unref(made);
    }
  }

  void change_state() {
    static const GstState states[] = {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED,
                                      GST_STATE_PLAYING};
    gst_element_set_state(element(), states[below(4)]);
    if (one_in(2))
      gst_element_set_state(element(), GST_STATE_PLAYING);
  }

  void step() {
    switch (below(14)) {
    case 0:
      return set_caps();
    case 1:
    case 2:
    case 3:
      gst_harness_push_event(caption_.h(), event_from_upstream());
      return;
    case 4:
      gst_harness_push_upstream_event(caption_.h(), event_from_downstream());
      return;
    case 5:
      return query();
    case 6:
      return set_property();
    case 7:
      return pads();
    case 8:
      return change_state();
    default:
      return push_buffer();
    }
  }

  GRand *random_;
  Caption caption_;
  GstClockTime now_ = 0;
  GstVideoInfo info_{};
};

// Waits until an object is gone: a message on its way to nobody may keep it for a moment.
class Farewell {
public:
  explicit Farewell(GstElement *element) {
    g_object_weak_ref(
        G_OBJECT(element),
        [](gpointer gone, GObject *) { static_cast<std::promise<void> *>(gone)->set_value(); },
        &gone_);
  }
  bool comes() {
    return gone_.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready;
  }

private:
  std::promise<void> gone_;
};

class Fuzz : public ElementTest {};

TEST_F(Fuzz, SequencesOfEverything) {
  const auto first = static_cast<guint32>(from_environment("VLM_SEED", 1));
  const auto count = static_cast<guint32>(from_environment("VLM_FUZZ", 1000));
  for (guint32 seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("VLM_SEED=" + std::to_string(seed));
    g_setenv("VLM_FUZZ_NOW", std::to_string(seed).c_str(), TRUE); // for whoever looks at a core
    alarm(kPatienceSeconds);
    auto sequence = std::make_unique<Sequence>(seed);
    Farewell farewell(sequence->element());
    sequence->run();
    sequence.reset();
    ASSERT_TRUE(farewell.comes()) << "the element was not freed";
    if (::testing::Test::HasFailure())
      return;
  }
  alarm(0);
  std::cout << count << " sequences, seeds from " << first << "\n";
}

} // namespace
} // namespace vlm::test
