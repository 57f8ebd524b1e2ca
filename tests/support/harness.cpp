// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <dlfcn.h>

namespace vlm::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

Own<GstElement> make_element(const std::string &properties) {
  GError *error = nullptr;
  GstElement *element = gst_parse_launch(("vlmcaption " + properties).c_str(), &error);
  if (error) {
    ADD_FAILURE() << error->message;
    g_clear_error(&error);
  }
  return Own<GstElement>(GST_ELEMENT(gst_object_ref_sink(element)));
}

} // namespace

FakeEngine &fake() {
  static FakeEngine *const instance = [] {
    void *library = dlopen(g_getenv("GST_VLM_ENGINE"), RTLD_NOW | RTLD_LOCAL);
    g_assert(library);
    return reinterpret_cast<FakeEntry>(dlsym(library, kFakeEntryName))();
  }();
  return *instance;
}

double milliseconds(const std::function<void()> &body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

bool passes_in_child(const char *test, const char *variable, const char *value) {
  const std::string filter = std::string("--gtest_filter=") + test;
  gchar *self = g_file_read_link("/proc/self/exe", nullptr); // valgrind cannot run the link
  const gchar *argv[] = {self, filter.c_str(), "--gtest_also_run_disabled_tests", nullptr};
  gchar **env = g_environ_setenv(g_get_environ(), variable, value, TRUE);
  env = g_environ_unsetenv(env, "GTEST_OUTPUT"); // the report is the parent's
  gint status = -1;
  const bool ran = g_spawn_sync(nullptr, const_cast<gchar **>(argv), env, G_SPAWN_DEFAULT, nullptr,
                                nullptr, nullptr, nullptr, &status, nullptr);
  g_strfreev(env);
  g_free(self);
  return ran && g_spawn_check_wait_status(status, nullptr);
}

Problem problem_of(GstMessage *message) {
  GError *error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, nullptr);
  else
    gst_message_parse_warning(message, &error, nullptr);
  Problem out{error->domain, error->code, error->message};
  g_clear_error(&error);
  return out;
}

std::string text_field(const GstStructure *s, const char *field) {
  const gchar *text = gst_structure_get_string(s, field);
  return text ? text : "";
}

guint64 time_field(const GstStructure *s, const char *field) {
  guint64 value = GST_CLOCK_TIME_NONE;
  gst_structure_get_uint64(s, field, &value);
  return value;
}

Bus::Bus(GstElement *element) : bus_(gst_bus_new()) { gst_element_set_bus(element, bus_.get()); }

Own<GstMessage> Bus::wait(GstMessageType types) {
  return Own<GstMessage>(gst_bus_timed_pop_filtered(bus_.get(), 10 * GST_SECOND, types));
}

Own<GstMessage> Bus::poll(GstMessageType types) {
  return Own<GstMessage>(gst_bus_pop_filtered(bus_.get(), types));
}

Own<GstStructure> Bus::caption() { return named("vlmcaption/caption"); }
Own<GstStructure> Bus::answer() { return named("vlmcaption/answer"); }

Own<GstStructure> Bus::named(const char *name) {
  while (Own<GstMessage> message = wait(GST_MESSAGE_ELEMENT))
    if (gst_message_has_name(message.get(), name))
      return Own<GstStructure>(gst_structure_copy(gst_message_get_structure(message.get())));
  return nullptr;
}

std::vector<Own<GstStructure>> Bus::captions() {
  std::vector<Own<GstStructure>> out;
  while (Own<GstMessage> message = poll(GST_MESSAGE_ELEMENT))
    if (gst_message_has_name(message.get(), "vlmcaption/caption"))
      out.emplace_back(gst_structure_copy(gst_message_get_structure(message.get())));
  return out;
}

TextLog::TextLog(GstPad *pad) : pad_(GST_PAD(gst_object_ref(pad))) {
  id_ = gst_pad_add_probe(pad,
                          GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                          GST_PAD_PROBE_TYPE_EVENT_FLUSH),
                          probe, this, nullptr);
}

TextLog::~TextLog() { gst_pad_remove_probe(pad_.get(), id_); }

GstPadProbeReturn TextLog::probe(GstPad *, GstPadProbeInfo *info, gpointer self) {
  static_cast<TextLog *>(self)->note(info);
  return GST_PAD_PROBE_OK;
}

void TextLog::note(GstPadProbeInfo *info) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    const std::string text(reinterpret_cast<const char *>(map.data), map.size);
    gst_buffer_unmap(buffer, &map);
    EXPECT_TRUE(GST_BUFFER_PTS_IS_VALID(buffer));
    EXPECT_TRUE(GST_BUFFER_DURATION_IS_VALID(buffer));
    const GstClockTime start = GST_BUFFER_PTS(buffer);
    items_.push_back({start, start + GST_BUFFER_DURATION(buffer), false, text});
    order_.push_back("text");
  } else {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    order_.push_back(GST_EVENT_TYPE_NAME(event));
    if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
      GstClockTime start, duration;
      gst_event_parse_gap(event, &start, &duration);
      items_.push_back({start, start + duration, true, ""});
    } else {
      events_.emplace_back(gst_event_ref(event));
    }
  }
  changed_.notify_all();
}

bool TextLog::wait_texts(size_t count) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] {
    size_t texts = 0;
    for (const Item &item : items_)
      texts += !item.gap;
    return texts >= count;
  });
}

bool TextLog::wait_event(GstEventType type) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] {
    for (const Own<GstEvent> &event : events_)
      if (GST_EVENT_TYPE(event.get()) == type)
        return true;
    return false;
  });
}

bool TextLog::wait_position(GstClockTime time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] {
    for (const Item &item : items_)
      if (item.gap && item.end >= time)
        return true;
    return false;
  });
}

std::vector<TextLog::Item> TextLog::items() {
  std::lock_guard<std::mutex> lock(mutex_);
  return items_;
}

std::vector<TextLog::Item> TextLog::texts() {
  std::vector<Item> out;
  for (const Item &item : items())
    if (!item.gap)
      out.push_back(item);
  return out;
}

std::vector<GstEventType> TextLog::events() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<GstEventType> out;
  for (const Own<GstEvent> &event : events_)
    out.push_back(GST_EVENT_TYPE(event.get()));
  return out;
}

std::vector<std::string> TextLog::order() {
  std::lock_guard<std::mutex> lock(mutex_);
  return order_;
}

Own<GstEvent> TextLog::event(GstEventType type) {
  std::lock_guard<std::mutex> lock(mutex_);
  Own<GstEvent> out;
  for (const Own<GstEvent> &event : events_)
    if (GST_EVENT_TYPE(event.get()) == type)
      out.reset(gst_event_ref(event.get()));
  return out;
}

void TextLog::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  items_.clear();
  events_.clear();
  order_.clear();
}

void expect_covered(const std::vector<TextLog::Item> &items, GstClockTime from, GstClockTime to) {
  GstClockTime covered = from, last = from;
  for (const auto &item : items) {
    EXPECT_GE(item.start, last);
    EXPECT_LE(item.start, covered) << "nothing says what happens before " << item.start;
    last = item.start;
    covered = std::max(covered, item.end);
  }
  EXPECT_GE(covered, to);
}

gulong block(GstPad *pad) {
  return gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *, gpointer) {
        return GST_PAD_PROBE_OK; // stays blocked
      },
      nullptr, nullptr);
}

Caption::Caption(const std::string &properties, bool live) {
  const Own<GstElement> element = make_element(properties);
  bus_ = std::make_unique<Bus>(element.get());
  harness_ = gst_harness_new_with_element(element.get(), "sink", "src");
  gst_harness_set_live(harness_, live);
}

Caption::~Caption() {
  gst_element_set_state(element(), GST_STATE_NULL);
  for (auto &[pad, outlet] : outlets_) {
    outlet.log.reset();
    gst_harness_teardown(outlet.reader);
  }
  gst_element_set_bus(element(), nullptr);
  gst_harness_teardown(harness_);
}

void Caption::play(const std::string &format, int width, int height, const std::string &more) {
  format_ = format;
  width_ = width;
  height_ = height;
  const std::string caps = "video/x-raw,format=" + format + ",width=" + std::to_string(width) +
                           ",height=" + std::to_string(height) + ",framerate=25/1" +
                           (more.empty() ? "" : "," + more);
  gst_harness_set_src_caps_str(harness_, caps.c_str());
}

void Caption::segment(GstClockTime start) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = start;
  gst_harness_push_event(harness_, gst_event_new_segment(&segment));
}

void Caption::flush() {
  gst_harness_push_event(harness_, gst_event_new_flush_start());
  gst_harness_push_event(harness_, gst_event_new_flush_stop(TRUE));
  segment();
}

void Caption::wait_loaded() {
  GstProgressType type = GST_PROGRESS_TYPE_START;
  while (type != GST_PROGRESS_TYPE_COMPLETE) {
    const Own<GstMessage> message = bus().wait(GST_MESSAGE_PROGRESS);
    ASSERT_TRUE(message);
    gst_message_parse_progress(message.get(), &type, nullptr, nullptr);
  }
}

TextLog &Caption::outlet(const std::string &name) {
  const auto found = outlets_.find(name);
  if (found != outlets_.end())
    return *found->second.log;
  GstHarness *reader = gst_harness_new_with_element(element(), nullptr, name.c_str());
  const Own<GstPad> pad(gst_element_get_static_pad(element(), name.c_str()));
  auto log = std::make_unique<TextLog>(pad.get());
  return *outlets_.emplace(name, Outlet{reader, std::move(log)}).first->second.log;
}

GstBuffer *Caption::frame_at(GstClockTime pts, int brightness) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, gst_video_format_from_string(format_.c_str()), width_, height_);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr);
  gst_buffer_memset(buffer, 0, static_cast<guint8>(brightness), GST_VIDEO_INFO_SIZE(&info));
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = kFrame;
  return buffer;
}

GstBuffer *Caption::frame(int n, int brightness) { return frame_at(n * kFrame, brightness); }

guint64 Caption::stat(const char *field) {
  GstStructure *stats = nullptr;
  g_object_get(element(), "stats", &stats, nullptr);
  const guint64 value = time_field(stats, field);
  gst_structure_free(stats);
  return value;
}

std::future<bool> Caption::eos() {
  return std::async(std::launch::async, [this] {
    return gst_harness_push_event(harness_, gst_event_new_eos()) != FALSE;
  });
}

const GstStructure *meta_of(GstBuffer *buffer) {
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "GstVlmCaptionMeta");
  return meta ? gst_custom_meta_get_structure(meta) : nullptr;
}

std::string state_of(GstBuffer *buffer) {
  const GstStructure *meta = meta_of(buffer);
  return meta ? text_field(meta, "state") : "";
}

std::string caption_of(GstBuffer *buffer) {
  const GstStructure *meta = meta_of(buffer);
  return meta ? text_field(meta, "text") : "";
}

} // namespace vlm::test
