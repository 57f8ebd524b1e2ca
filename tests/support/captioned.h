// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tests/support/harness.h"

namespace vlm::test {

/// A record as vlmcaption makes it, with the fields that readers need.
Own<GstStructure> make_record(guint64 id, const std::string &text, GstClockTime pts,
                              double confidence = 0.5);

/// Puts a caption meta on a frame: of one record, or of several. Some element of the plugin must
/// have been made before. Returns the frame.
GstBuffer *carry(GstBuffer *frame, const std::vector<const GstStructure *> &records,
                 const char *state = "fresh", GstClockTime age = 0);

/// The event `vlmcaption/record`.
GstEvent *record_event(const GstStructure *record);

/// How many metas of vlmencode a frame carries.
int tokens_on(GstBuffer *buffer);

/// The bytes of a buffer, whatever they are.
std::string bytes_of(GstBuffer *buffer);

/// Runs a pipeline to its end; what stopped it otherwise.
std::string run_pipeline(const std::string &line);

/// An element that reads captions, or a chain of elements, in a harness.
class Reader {
public:
  explicit Reader(const std::string &line);
  ~Reader();
  Reader(const Reader &) = delete;
  Reader &operator=(const Reader &) = delete;

  GstHarness *h() { return harness_; }
  GstElement *element() { return harness_->element; }
  Bus &bus() { return *bus_; }
  Own<GstPad> pad(const char *name) {
    return Own<GstPad>(gst_element_get_static_pad(element(), name));
  }

  /// Sets caps and so starts the element.
  void play(const std::string &format = "I420", int width = 64, int height = 48,
            const std::string &more = "");
  const GstVideoInfo &info() const { return info_; }

  /// Frame number `n` of a 25 fps stream, all its bytes noise, or zero. The caller owns it.
  GstBuffer *frame(int n);
  GstBuffer *dark_frame(int n);
  GstFlowReturn push(GstBuffer *frame) { return gst_harness_push(harness_, frame); }
  bool push(GstEvent *event) { return gst_harness_push_event(harness_, event); }
  /// What has come out and was not pulled yet, null when nothing has.
  Own<GstBuffer> pull() { return Own<GstBuffer>(gst_harness_try_pull(harness_)); }
  /// A segment from `start` to `stop`.
  void segment(GstClockTime start, GstClockTime stop = GST_CLOCK_TIME_NONE, double rate = 1);
  void flush();

private:
  GstHarness *harness_;
  std::unique_ptr<Bus> bus_;
  GstVideoInfo info_{};
};

} // namespace vlm::test
