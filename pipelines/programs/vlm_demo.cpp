// SPDX-License-Identifier: LGPL-2.1-or-later
// Captions a video file: captions in the terminal as they come, JSON lines and a picture sheet.
#include "gst-plugin/record/structurejson.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/contact_sheet.h"
#include "pipelines/programs/quoting.h"

#include <gst/video/video.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>

namespace vlm {
namespace {

constexpr size_t kSheetFrames = 12;

std::string clock(guint64 nanoseconds) {
  const guint64 ms = nanoseconds / GST_MSECOND;
  char text[32];
  std::snprintf(text, sizeof text, "%02u:%02u.%03u", unsigned(ms / 60000), unsigned(ms / 1000 % 60),
                unsigned(ms % 1000));
  return text;
}

Image copy_rgb(GstBuffer *buffer, const GstVideoInfo &info) {
  Image image;
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ))
    return image;
  image.width = GST_VIDEO_FRAME_WIDTH(&frame);
  image.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  const size_t row = size_t(image.width) * 3;
  image.rgb.resize(row * size_t(image.height));
  for (int y = 0; y < image.height; ++y)
    std::memcpy(image.rgb.data() + size_t(y) * row,
                static_cast<const uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) +
                    y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0),
                row);
  gst_video_frame_unmap(&frame);
  return image;
}

/// Frames that carry a new caption; filled by the streaming thread.
class Sheet {
public:
  static void on_handoff(GstElement *, GstBuffer *buffer, GstPad *pad, gpointer self) {
    static_cast<Sheet *>(self)->add(buffer, pad);
  }
  std::vector<CaptionedFrame> take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::move(frames_);
  }

private:
  void add(GstBuffer *buffer, GstPad *pad) {
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "GstVlmCaptionMeta");
    const GstStructure *record = meta ? gst_custom_meta_get_structure(meta) : nullptr;
    const char *text = record ? gst_structure_get_string(record, "text") : nullptr;
    if (!text || g_strcmp0(gst_structure_get_string(record, "state"), "fresh") != 0)
      return;
    GstCaps *caps = gst_pad_get_current_caps(pad);
    GstVideoInfo info;
    const bool known = caps && gst_video_info_from_caps(&info, caps);
    gst_clear_caps(&caps);
    std::lock_guard<std::mutex> lock(mutex_);
    if (!known || frames_.size() >= kSheetFrames)
      return;
    Image image = copy_rgb(buffer, info);
    if (image.width > 0)
      frames_.push_back({std::move(image), clock(GST_BUFFER_PTS(buffer)), text});
  }
  std::mutex mutex_;
  std::vector<CaptionedFrame> frames_;
};

/// A pipeline that is stopped whatever happens.
class Pipeline {
public:
  explicit Pipeline(const std::string &launch) {
    GError *error = nullptr;
    element_ = gst_parse_launch(launch.c_str(), &error);
    if (!error)
      return;
    const std::string text = error->message;
    g_clear_error(&error);
    gst_clear_object(&element_);
    fail(ErrorCategory::Failed, text);
  }
  ~Pipeline() {
    gst_element_set_state(element_, GST_STATE_NULL);
    gst_object_unref(element_);
  }
  Pipeline(const Pipeline &) = delete;
  Pipeline &operator=(const Pipeline &) = delete;
  GstElement *get() const { return element_; }

private:
  GstElement *element_ = nullptr;
};

void report(const GstStructure *record, std::ofstream &jsonl, int &count) {
  jsonl << gstvlm::to_json_line(record) << std::flush;
  guint64 pts = 0;
  gst_structure_get_uint64(record, "pts", &pts);
  const char *text = gst_structure_get_string(record, "text");
  const char *status = gst_structure_get_string(record, "status");
  std::cout << clock(pts) << "  " << (text && *text ? text : status ? status : "") << std::endl;
  ++count;
}

[[noreturn]] void fail_with(GstMessage *message) {
  GError *error = nullptr;
  gchar *details = nullptr;
  gst_message_parse_error(message, &error, &details);
  const std::string text = error->message;
  const std::string more = details ? details : "";
  g_clear_error(&error);
  g_free(details);
  fail(ErrorCategory::Failed, text, more.empty() ? "" : "\n", more);
}

int follow(GstElement *pipeline, std::ofstream &jsonl) {
  GstBus *bus = GST_ELEMENT_BUS(pipeline);
  int count = 0;
  for (;;) {
    const std::unique_ptr<GstMessage, void (*)(GstMessage *)> message(
        gst_bus_timed_pop_filtered(
            bus, GST_CLOCK_TIME_NONE,
            GstMessageType(GST_MESSAGE_ELEMENT | GST_MESSAGE_EOS | GST_MESSAGE_ERROR)),
        gst_message_unref);
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
      fail_with(message.get());
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS)
      return count;
    const GstStructure *structure = gst_message_get_structure(message.get());
    if (gst_structure_has_name(structure, "vlmcaption/caption"))
      report(structure, jsonl, count);
  }
}

// The pipeline, word by word.
std::vector<std::string> launch_words(const std::string &video, const std::string &model,
                                      double interval) {
  std::vector<std::string> words = {"filesrc",
                                    "location=" + launch_quoted(video),
                                    "!",
                                    "decodebin",
                                    "!",
                                    "videoconvert",
                                    "!",
                                    "vlmcaption",
                                    "interval=" + std::to_string(guint64(interval * GST_SECOND))};
  if (!model.empty())
    words.push_back("model-path=" + launch_quoted(model));
  for (const char *word : {"!", "videoconvert", "!", "video/x-raw,format=RGB", "!", "fakesink",
                           "name=frames", "sync=false", "signal-handoffs=true"})
    words.push_back(word);
  return words;
}

std::string joined(const std::vector<std::string> &words) {
  std::string out;
  for (const std::string &word : words)
    out += word + " ";
  return out;
}

int run(int argc, char **argv) {
  std::string model, jsonl_path = "demo-captions.jsonl", sheet_path = "demo-captions.png";
  double interval = 2;
  CommandLine line("vlm-demo", "[OPTION...] VIDEO",
                   "Captions a video file with vlmcaption.\n\n  vlm-demo --interval 1 holiday.mp4");
  line.text("model", "DIR", "checkpoint directory (default: the embedded model)", &model);
  line.number("interval", "SECONDS", "of video from caption to caption (default 2)", &interval);
  line.text("jsonl", "FILE", "caption records (default demo-captions.jsonl)", &jsonl_path);
  line.text("sheet", "FILE", "picture sheet (default demo-captions.png)", &sheet_path);
  const std::vector<std::string> operands = line.parse(argc, argv);
  if (operands.size() != 1 || interval < 0)
    fail(ErrorCategory::Settings,
         interval < 0 ? "--interval is negative" : "give one VIDEO (see --help)");

  const std::vector<std::string> launch = launch_words(operands[0], model, interval);
  std::ofstream jsonl(jsonl_path, std::ios::trunc);
  if (!jsonl)
    fail(ErrorCategory::Unreadable, jsonl_path, ": cannot be written");
  Sheet sheet;
  int count = 0;
  {
    const Pipeline pipeline(joined(launch));
    GstElement *frames = gst_bin_get_by_name(GST_BIN(pipeline.get()), "frames");
    g_signal_connect(frames, "handoff", G_CALLBACK(Sheet::on_handoff), &sheet);
    gst_object_unref(frames);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    count = follow(pipeline.get(), jsonl);
  }
  write_contact_sheet_png(sheet_path, sheet.take());
  std::cout << count << " captions: " << jsonl_path << ", " << sheet_path << "\n"
            << "gst-launch-1.0 -m " << shell_line(launch) << "\n";
  return count > 0 ? kDone : kFailed;
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  gst_init(nullptr, nullptr);
  return vlm::run_program("vlm-demo", [&] { return vlm::run(argc, argv); });
}
