// SPDX-License-Identifier: LGPL-2.1-or-later
// Random sequences of buffers, events, queries, properties, pads and states, legal and not, for the
// elements that video passes: five of eight are vlmcaption's. What must hold: no critical message
// (they end the process), no hang, and the element is gone afterwards. 1,000 sequences by default;
// VLM_FUZZ=COUNT for more, VLM_SEED=N for others.
#include "tests/support/captioned.h"
#include "tests/support/dice.h"

#include <cmath>
#include <iostream>
#include <map>
#include <unistd.h>

namespace vlm::test {
namespace {

constexpr unsigned kPatienceSeconds = 60; // for one sequence: then SIGALRM ends the process

/// What `gst_util_set_object_arg` understands, of one property.
struct Setting {
  const char *name;
  std::vector<const char *> values;
};

const std::vector<Setting> kCaptionSettings = {
    {"prompt", {"Where?", "At {time}?", "Still {previous}?", "", "{what}"}},
    {"questions", {R"(<"a?","b?">)", R"(<"{previous} a?">)", "<>", R"(<"">)"}},
    {"system-prompt", {"Be brief.", ""}},
    {"region-prompt", {"", "What is {label}?", "{pts}", "{"}},
    {"max-regions", {"1", "5"}},
    {"interval", {"0", "40000000", "80000000"}},
    {"window", {"0", "80000000", "400000000"}},
    {"overlap", {"0", "40000000", "80000000"}},
    {"frames", {"1", "2", "7"}},
    {"max-tokens", {"1", "77", "200"}},
    {"template", {"", "gemma", "vicuna_v1", "nonsense"}},
    {"generate", {"never", "auto", "always"}},
    {"json-schema", {"", R"({"type":"string"})", "{", "[]"}},
    {"ocr", {"false", "true"}},
    {"history", {"0", "1", "100"}},
    {"reuse", {"none", "draft+vision"}},
    {"queue-size", {"0", "1", "9"}},
    {"queue-policy", {"auto", "drop-oldest", "drop-newest", "block"}},
    {"mode", {"auto", "sync", "async"}},
    {"change-threshold", {"0", "0.1", "1"}},
    {"max-silence", {"0", "80000000"}},
    {"latency", {"0", "1", "40000000", "9223372036854775807"}},
    {"look-back", {"0", "1", "9000000000"}},
    {"look-back-bytes", {"1048576"}},
    {"repeat-caption", {"false", "true"}},
    {"post-messages", {"false", "true"}},
    {"on-error", {"fail", "warn"}},
};
const std::vector<Setting> kEncodeSettings = {
    {"interval", {"0", "40000000", "9223372036854775807"}}, {"threads", {"1"}}, {"device", {"x"}}};
const std::vector<Setting> kOverlaySettings = {{"font-description", {"Sans", "", "9 9 9"}},
                                               {"font-scale", {"0.25", "1", "4"}},
                                               {"position", {"top", "bottom"}},
                                               {"show-confidence", {"false", "true"}}};

struct Kind {
  const char *element;
  std::vector<const char *> beginnings; ///< properties at first
  const std::vector<Setting> *settings;
};

const Kind kCaption = {"vlmcaption",
                       {"interval=0", "interval=0 change-threshold=0.1",
                        "interval=80000000 repeat-caption=false look-back=9000000000",
                        R"(interval=0 questions="<\"a?\",\"b?\">" history=2)",
                        "interval=0 on-error=warn queue-policy=drop-newest",
                        "mode=async interval=0 latency=40000000", "mode=sync interval=0",
                        "window=80000000 overlap=40000000 frames=2",
                        "interval=0 region-prompt=\"What is {label}?\" generate=auto",
                        R"(interval=0 json-schema="{\"type\":\"string\"}" ocr=true)"},
                       &kCaptionSettings};
const Kind kEncode = {"vlmencode", {"interval=0", ""}, &kEncodeSettings};
const Kind kOverlay = {"vlmoverlay", {"", "font-scale=4 position=top"}, &kOverlaySettings};
const Kind kMeta2json = {"vlmmeta2json", {""}, nullptr};

const Kind &kind_of(guint32 seed) {
  static const Kind *const kinds[] = {&kCaption, &kCaption, &kEncode,    &kCaption,
                                      &kCaption, &kOverlay, &kMeta2json, &kCaption};
  return *kinds[seed % 8];
}

const std::vector<const char *> kTexts = {"a dog", "", "\xff", "a\nb \u202e"};
const std::vector<const char *> kStates = {"fresh", "held", "stale", "x"};

class Sequence : Dice {
public:
  explicit Sequence(guint32 seed)
      : Dice(seed, 3600 * GST_SECOND), kind_(kind_of(seed)),
        target_(std::string(kind_.element) + ' ' + pick(kind_.beginnings)) {
    gst_harness_set_live(target_.h(), one_in(2));
  }

  void run() {
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_I420, 16, 16);
    gst_element_set_state(element(), GST_STATE_PLAYING);
    if (!one_in(8))
      set_caps();
    for (int steps = below(24) + 1; steps > 0; --steps)
      step();
    gst_element_set_state(element(), GST_STATE_NULL);
    for (auto &[name, sink] : sinks_)
      gst_element_set_state(sink.get(), GST_STATE_NULL);
  }
  GstElement *element() { return target_.element(); }

private:
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
      gst_harness_push_event(target_.h(), gst_event_new_stream_start("first"));
    gst_harness_push_event(target_.h(), gst_event_new_caps(caps.get()));
    if (!one_in(10))
      gst_harness_push_event(target_.h(), segment());
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
    if (one_in(2) && kind_.element != kCaption.element)
      carry_captions(buffer);
    const Own<GstBuffer> shared(one_in(3) ? gst_buffer_ref(buffer) : gst_buffer_new());
    gst_harness_push(target_.h(), buffer);
    while (GstBuffer *out = gst_harness_try_pull(target_.h()))
      gst_buffer_unref(out);
  }

  // Of a record, or of what claims to be one.
  Own<GstStructure> record() {
    if (one_in(2))
      return make_record(static_cast<guint64>(below(5)), pick(kTexts), time(), below(5) / 2. - 1);
    static const char *const fields[] = {"id",     "text",       "status", "pts",  "duration",
                                         "region", "confidence", "frames", "error"};
    Own<GstStructure> out(gst_structure_new_empty("x"));
    for (int i = below(9); i > 0; --i) {
      GValue value = G_VALUE_INIT;
      random_value(&value);
      gst_structure_take_value(out.get(), pick(fields), &value);
    }
    return out;
  }

  void random_value(GValue *value) {
    switch (below(5)) {
    case 0:
      g_value_init(value, G_TYPE_STRING);
      g_value_set_string(value, one_in(3) ? nullptr : "\xe2\x82 text");
      return;
    case 1:
      g_value_init(value, G_TYPE_UINT64);
      return g_value_set_uint64(value, time());
    case 2:
      g_value_init(value, G_TYPE_DOUBLE);
      return g_value_set_double(value, one_in(2) ? std::nan("") : -3);
    case 3:
      g_value_init(value, GST_TYPE_ARRAY);
      return;
    default:
      g_value_init(value, GST_TYPE_STRUCTURE);
    }
  }

  void carry_captions(GstBuffer *buffer) {
    const auto first = record(), second = record();
    std::vector<const GstStructure *> records = {first.get()};
    if (one_in(3))
      records.push_back(second.get());
    carry(buffer, records, pick(kStates), time());
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
      return one_in(2) ? record_event(record().get())
                       : custom(GST_EVENT_CUSTOM_DOWNSTREAM, pick(names));
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
    if (!kind_.settings)
      return;
    const auto &settings = *kind_.settings;
    const Setting &one = settings[static_cast<size_t>(below(static_cast<int>(settings.size())))];
    gst_util_set_object_arg(G_OBJECT(element()), one.name, pick(one.values));
  }

  // Half of them have somebody who reads.
  void pads() {
    if (kind_.element != kCaption.element)
      return;
    static const char *const names[] = {"text_src", "prompt_src", "json_src"};
    const char *name = pick(names);
    if (const Own<GstPad> pad{gst_element_get_static_pad(element(), name)}) {
      gst_element_release_request_pad(element(), pad.get());
      if (sinks_.count(name))
        gst_element_set_state(sinks_.at(name).get(), GST_STATE_NULL);
      sinks_.erase(name);
    } else if (const Own<GstPad> made{gst_element_request_pad_simple(element(), name)}) {
      if (one_in(2))
        link(name, made.get());
    }
  }

  void link(const char *name, GstPad *pad) {
    Own<GstElement> sink(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("fakesink", nullptr))));
    g_object_set(sink.get(), "async", FALSE, "sync", FALSE, nullptr);
    gst_element_set_state(sink.get(), GST_STATE_PLAYING);
    const Own<GstPad> peer(gst_element_get_static_pad(sink.get(), "sink"));
    gst_pad_link(pad, peer.get());
    sinks_[name] = std::move(sink);
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
      gst_harness_push_event(target_.h(), event_from_upstream());
      return;
    case 4:
      gst_harness_push_upstream_event(target_.h(), event_from_downstream());
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

  const Kind &kind_;
  std::map<std::string, Own<GstElement>> sinks_; ///< of request pads
  Reader target_;
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
  const Reader captioner("vlmcaption"); // without one nothing can carry captions
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
