// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tests/support/fake_painting.h"
#include "tests/support/harness.h"

#include <mutex>

namespace vlm::test {

/// vlmgenerate in a harness, with a model path. Upstream is not live unless told so.
class Generator {
public:
  /// `caps`: what downstream takes; empty: anything.
  explicit Generator(const std::string &properties = "", const std::string &caps = "",
                     bool live = false);
  ~Generator();
  Generator(const Generator &) = delete;

  GstHarness *h() { return harness_; }
  GstElement *element() { return harness_->element; }
  Bus &bus() { return *bus_; }

  /// What downstream takes from now on, fields of video/x-raw; the element is told. At any time, in
  /// place of gst_harness_set_sink_caps, which races with the element's task that asks.
  void allow(const std::string &caps);
  /// Sets caps and so starts the stream.
  void play() { gst_harness_set_src_caps_str(harness_, "text/x-raw,format=utf8"); }
  GstFlowReturn push(const std::string &text, GstClockTime pts = GST_CLOCK_TIME_NONE,
                     GstClockTime duration = GST_CLOCK_TIME_NONE);
  /// The prompt number `n` of those that last a second each, whose text is their number.
  GstFlowReturn push(int n) { return push(std::to_string(n), n * GST_SECOND, GST_SECOND); }
  bool push_event(GstEvent *event) { return gst_harness_push_event(harness_, event); }
  void segment(GstFormat format = GST_FORMAT_TIME, double rate = 1);
  void flush(); ///< ends with a segment

  /// The next picture, GAP or other event; waits for a minute.
  Own<GstBuffer> pull() { return Own<GstBuffer>(gst_harness_pull(harness_)); }
  Own<GstEvent> pull_event(GstEventType type);

  guint64 generate(const std::string &prompt);
  guint64 stat(const char *field);
  /// False after ten seconds.
  bool wait_stat(const char *field, guint64 value);

private:
  static GstPadProbeReturn answer(GstPad *pad, GstPadProbeInfo *info, gpointer self);

  GstHarness *harness_;
  std::mutex mutex_;
  Own<GstCaps> allowed_; ///< under mutex_; null: anything
  std::unique_ptr<Bus> bus_;
};

/// The meta of a picture, null without one.
const GstStructure *generated(GstBuffer *buffer);
std::string prompt_of(GstBuffer *buffer); ///< "" without a meta

} // namespace vlm::test
