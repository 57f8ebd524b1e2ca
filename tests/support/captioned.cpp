// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/captioned.h"

#include <algorithm>
#include <random>

namespace vlm::test {
namespace {

// What no pixel uses, such as the low bits of P010, is zero as in real frames.
void clear_unused_bits(const GstVideoInfo &info, GstBuffer *buffer) {
  const GstVideoFormatInfo *format = info.finfo;
  GstVideoFrame frame;
  gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE);
  std::vector<guint64> row(GST_VIDEO_INFO_WIDTH(&info) + 64);
  for (int y = 0; y < GST_VIDEO_INFO_HEIGHT(&info); ++y) {
    format->unpack_func(format, GST_VIDEO_PACK_FLAG_TRUNCATE_RANGE, row.data(), frame.data,
                        frame.info.stride, 0, y, GST_VIDEO_INFO_WIDTH(&info));
    format->pack_func(format, GST_VIDEO_PACK_FLAG_NONE, row.data(), 0, frame.data,
                      frame.info.stride, info.chroma_site, y, GST_VIDEO_INFO_WIDTH(&info));
  }
  gst_video_frame_unmap(&frame);
}

} // namespace

Own<GstStructure> make_record(guint64 id, const std::string &text, GstClockTime pts,
                              double confidence) {
  return Own<GstStructure>(gst_structure_new("GstVlmCaptionMeta", "schema", G_TYPE_UINT, 1u, "id",
                                             G_TYPE_UINT64, id, "text", G_TYPE_STRING, text.c_str(),
                                             "status", G_TYPE_STRING, "ok", "pts", G_TYPE_UINT64,
                                             pts, "duration", G_TYPE_UINT64, guint64{GST_SECOND},
                                             "confidence", G_TYPE_DOUBLE, confidence, nullptr));
}

GstBuffer *carry(GstBuffer *frame, const std::vector<const GstStructure *> &records,
                 const char *state, GstClockTime age) {
  GstCustomMeta *meta = gst_buffer_add_custom_meta(frame, "GstVlmCaptionMeta");
  GstStructure *s = gst_custom_meta_get_structure(meta);
  gst_structure_foreach(
      records.at(0),
      [](GQuark field, const GValue *value, gpointer target) -> gboolean {
        gst_structure_id_set_value(static_cast<GstStructure *>(target), field, value);
        return TRUE;
      },
      s);
  gst_structure_set(s, "state", G_TYPE_STRING, state, "age", G_TYPE_UINT64, age, nullptr);
  if (records.size() == 1)
    return frame;
  GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
  g_value_init(&list, GST_TYPE_ARRAY);
  g_value_init(&item, GST_TYPE_STRUCTURE);
  for (const GstStructure *each : records) {
    gst_value_set_structure(&item, each);
    gst_value_array_append_value(&list, &item);
  }
  gst_structure_take_value(s, "records", &list);
  g_value_unset(&item);
  return frame;
}

GstEvent *record_event(const GstStructure *record) {
  GstStructure *s = gst_structure_copy(record);
  gst_structure_set_name(s, "vlmcaption/record");
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, s);
}

int tokens_on(GstBuffer *buffer) {
  int count = 0;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta(buffer, &state))
    count += g_str_equal(g_type_name(meta->info->api), "GstVlmTokensMetaAPI");
  return count;
}

std::string bytes_of(GstBuffer *buffer) {
  std::string out(gst_buffer_get_size(buffer), '\0');
  gst_buffer_extract(buffer, 0, out.data(), out.size());
  return out;
}

std::string run_pipeline(const std::string &line) {
  GError *error = nullptr;
  GstElement *made = gst_parse_launch(line.c_str(), &error);
  if (error) {
    const std::string text = error->message;
    g_clear_error(&error);
    g_clear_object(&made);
    return text;
  }
  const Own<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(made)));
  const Own<GstBus> bus(gst_element_get_bus(made));
  gst_element_set_state(made, GST_STATE_PLAYING);
  const Own<GstMessage> message(gst_bus_timed_pop_filtered(
      bus.get(), 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(made, GST_STATE_NULL);
  if (!message)
    return "nothing happened";
  return GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS ? "" : problem_of(message.get()).text;
}

// gst_harness_new_parse puts a bin around everything.
Reader::Reader(const std::string &line) {
  if (line.find('!') != line.npos) {
    harness_ = gst_harness_new_parse(line.c_str());
  } else {
    const Own<GstElement> element(
        GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(line.c_str(), nullptr))));
    harness_ = gst_harness_new_with_element(element.get(), "sink", "src");
  }
  bus_ = std::make_unique<Bus>(harness_->element);
}

Reader::~Reader() {
  gst_element_set_state(element(), GST_STATE_NULL);
  gst_element_set_bus(element(), nullptr);
  gst_harness_teardown(harness_);
}

void Reader::play(const std::string &format, int width, int height, const std::string &more) {
  const std::string line = "video/x-raw,format=" + format + ",width=" + std::to_string(width) +
                           ",height=" + std::to_string(height) + ",framerate=25/1" +
                           (more.empty() ? "" : "," + more);
  const Own<GstCaps> caps(gst_caps_from_string(line.c_str()));
  ASSERT_TRUE(gst_video_info_from_caps(&info_, caps.get())) << line;
  gst_harness_set_src_caps(harness_, gst_caps_ref(caps.get()));
}

GstBuffer *Reader::dark_frame(int n) {
  const gsize size = GST_VIDEO_INFO_SIZE(&info_);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  gst_buffer_memset(buffer, 0, 0, size);
  GST_BUFFER_PTS(buffer) = n * kFrame;
  GST_BUFFER_DURATION(buffer) = kFrame;
  return buffer;
}

GstBuffer *Reader::frame(int n) {
  GstBuffer *buffer = dark_frame(n);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  std::minstd_rand random(n + 1);
  std::generate_n(map.data, map.size, [&random] { return static_cast<guint8>(random() >> 8); });
  gst_buffer_unmap(buffer, &map);
  clear_unused_bits(info_, buffer);
  return buffer;
}

void Reader::segment(GstClockTime start, GstClockTime stop, double rate) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = start;
  segment.stop = stop;
  segment.rate = rate;
  push(gst_event_new_segment(&segment));
}

void Reader::flush() {
  push(gst_event_new_flush_start());
  push(gst_event_new_flush_stop(TRUE));
}

} // namespace vlm::test
