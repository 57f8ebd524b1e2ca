// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/generator.h"

#include <chrono>
#include <thread>

namespace vlm::test {

Generator::Generator(const std::string &properties, const std::string &caps, bool live) {
  GError *error = nullptr;
  GstElement *made =
      gst_parse_launch(("vlmgenerate model-path=/painter " + properties).c_str(), &error);
  if (error) {
    ADD_FAILURE() << error->message;
    g_clear_error(&error);
  }
  const Own<GstElement> element(GST_ELEMENT(gst_object_ref_sink(made)));
  bus_ = std::make_unique<Bus>(element.get());
  harness_ = gst_harness_new_with_element(element.get(), "sink", "src");
  gst_harness_set_live(harness_, live);
  gst_pad_add_probe(harness_->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, answer, this, nullptr);
  if (!caps.empty())
    allow(caps);
}

Generator::~Generator() {
  gst_element_set_state(element(), GST_STATE_NULL);
  gst_element_set_bus(element(), nullptr);
  gst_harness_teardown(harness_);
}

GstPadProbeReturn Generator::answer(GstPad *, GstPadProbeInfo *info, gpointer self) {
  auto *generator = static_cast<Generator *>(self);
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
  const std::lock_guard lock(generator->mutex_);
  if (GST_QUERY_TYPE(query) != GST_QUERY_CAPS || !generator->allowed_)
    return GST_PAD_PROBE_OK;
  GstCaps *filter = nullptr;
  gst_query_parse_caps(query, &filter);
  const Own<GstCaps> both(
      filter ? gst_caps_intersect_full(filter, generator->allowed_.get(), GST_CAPS_INTERSECT_FIRST)
             : gst_caps_ref(generator->allowed_.get()));
  gst_query_set_caps_result(query, both.get());
  return GST_PAD_PROBE_HANDLED;
}

void Generator::allow(const std::string &caps) {
  {
    const std::lock_guard lock(mutex_);
    allowed_.reset(gst_caps_from_string(("video/x-raw," + caps).c_str()));
  }
  gst_harness_push_upstream_event(harness_, gst_event_new_reconfigure());
}

GstFlowReturn Generator::push(const std::string &text, GstClockTime pts, GstClockTime duration) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, text.size(), nullptr);
  gst_buffer_fill(buffer, 0, text.data(), text.size());
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = duration;
  return gst_harness_push(harness_, buffer);
}

void Generator::segment(GstFormat format, double rate) {
  GstSegment segment;
  gst_segment_init(&segment, format);
  segment.rate = rate;
  if (rate < 0)
    segment.stop = 100 * GST_SECOND;
  push_event(gst_event_new_segment(&segment));
}

void Generator::flush() {
  push_event(gst_event_new_flush_start());
  push_event(gst_event_new_flush_stop(TRUE));
  segment();
}

Own<GstEvent> Generator::pull_event(GstEventType type) {
  for (;;) {
    Own<GstEvent> event(gst_harness_pull_event(harness_));
    if (!event || GST_EVENT_TYPE(event.get()) == type)
      return event;
  }
}

guint64 Generator::generate(const std::string &prompt) {
  guint64 id = 0;
  g_signal_emit_by_name(element(), "generate", prompt.c_str(), &id);
  return id;
}

guint64 Generator::stat(const char *field) {
  GstStructure *stats = nullptr;
  g_object_get(element(), "stats", &stats, nullptr);
  const guint64 value = time_field(stats, field);
  gst_structure_free(stats);
  return value;
}

bool Generator::wait_stat(const char *field, guint64 value) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (stat(field) != value && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return stat(field) == value;
}

const GstStructure *generated(GstBuffer *buffer) {
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "GstVlmGenerateMeta");
  return meta ? gst_custom_meta_get_structure(meta) : nullptr;
}

std::string prompt_of(GstBuffer *buffer) {
  const GstStructure *meta = buffer ? generated(buffer) : nullptr;
  return meta ? text_field(meta, "prompt") : "";
}

} // namespace vlm::test
