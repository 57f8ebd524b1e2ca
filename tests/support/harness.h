// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tests/support/fake_engine.h"
#include "tests/support/sanitized.h"

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace vlm::test {

struct Unref {
  void operator()(GstBuffer *b) const { gst_buffer_unref(b); }
  void operator()(GstEvent *e) const { gst_event_unref(e); }
  void operator()(GstQuery *q) const { gst_query_unref(q); }
  void operator()(GstMessage *m) const { gst_message_unref(m); }
  void operator()(GstElement *e) const { gst_object_unref(e); }
  void operator()(GstBus *b) const { gst_object_unref(b); }
  void operator()(GstPad *p) const { gst_object_unref(p); }
  void operator()(GstCaps *c) const { gst_caps_unref(c); }
  void operator()(GstStructure *s) const { gst_structure_free(s); }
};
template <typename T> using Own = std::unique_ptr<T, Unref>;

constexpr GstClockTime kFrame = 40 * GST_MSECOND; // 25 frames a second

/// Milliseconds in which a flush or a stop must be over, whatever the model does. Sanitizers halt
/// the process while they look for names.
constexpr double kAtOnce = kSanitized ? 2000 : 200;

/// The fake engine of this process.
FakeEngine &fake();

/// Milliseconds that `body` takes.
double milliseconds(const std::function<void()> &body);

/// Runs one disabled test of this program in a process of its own, where `variable` has `value`.
bool passes_in_child(const char *test, const char *variable, const char *value);

/// The error that parsed message `m` carries, as "domain/code: text".
struct Problem {
  GQuark domain = 0;
  int code = -1;
  std::string text;
};
Problem problem_of(GstMessage *message);

std::string text_field(const GstStructure *s, const char *field);
guint64 time_field(const GstStructure *s, const char *field);

/// Messages of a bus, taken in order; waits up to ten seconds.
class Bus {
public:
  explicit Bus(GstElement *element);
  Own<GstMessage> wait(GstMessageType types);
  Own<GstMessage> poll(GstMessageType types);
  /// The next record, null after ten seconds.
  Own<GstStructure> caption();
  /// What became of the next question, null after ten seconds.
  Own<GstStructure> answer();
  /// All records posted so far.
  std::vector<Own<GstStructure>> captions();

private:
  Own<GstStructure> named(const char *name);

  Own<GstBus> bus_;
};

/// What passes a pad of text or records, in order.
class TextLog {
public:
  struct Item {
    GstClockTime start, end;
    bool gap;
    std::string text;
  };
  explicit TextLog(GstPad *pad);
  ~TextLog();
  TextLog(const TextLog &) = delete;

  /// False after ten seconds.
  bool wait_texts(size_t count);
  bool wait_event(GstEventType type);
  /// Until everything up to `time` is covered by GAPs and texts.
  bool wait_position(GstClockTime time);

  std::vector<Item> items(); ///< texts and GAPs
  std::vector<Item> texts();
  std::vector<GstEventType> events();     ///< all but GAPs
  std::vector<std::string> order();       ///< "text", "gap" and the events' names
  Own<GstEvent> event(GstEventType type); ///< the last of its type
  void clear();

private:
  static GstPadProbeReturn probe(GstPad *, GstPadProbeInfo *info, gpointer self);
  void note(GstPadProbeInfo *info);

  Own<GstPad> pad_;
  gulong id_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> items_;
  std::vector<Own<GstEvent>> events_;
  std::vector<std::string> order_;
};

/// No hole from `from` to `to`, and no step back.
void expect_covered(const std::vector<TextLog::Item> &items, GstClockTime from, GstClockTime to);

/// Nobody reads from the pad until the probe that is returned is removed.
gulong block(GstPad *pad);

/// vlmcaption in a harness. Upstream is not live unless told so.
class Caption {
public:
  explicit Caption(const std::string &properties = "", bool live = false);
  ~Caption();

  GstHarness *h() { return harness_; }
  GstElement *element() { return harness_->element; }
  Bus &bus() { return *bus_; }

  /// Sets caps and so starts the element. `format` e.g. "I420".
  void play(const std::string &format = "I420", int width = 64, int height = 48,
            const std::string &more = "");
  /// Until the model is there.
  void wait_loaded();
  /// Requests a pad, once, gives it a peer and writes down what it pushes.
  TextLog &outlet(const std::string &pad);
  TextLog &text() { return outlet("text_src"); }

  /// Frame number `n` of a 25 fps stream, of one brightness. The caller owns it.
  GstBuffer *frame(int n, int brightness = 128);
  GstBuffer *frame_at(GstClockTime pts, int brightness = 128);
  GstFlowReturn push(int n, int brightness = 128) {
    return gst_harness_push(harness_, frame(n, brightness));
  }
  Own<GstBuffer> pull() { return Own<GstBuffer>(gst_harness_pull(harness_)); }

  /// Both as upstream does them; a flush ends with a segment from 0.
  void segment(GstClockTime start = 0);
  void flush();

  guint64 stat(const char *field);
  /// EOS from a thread of its own, since it waits; the future holds what pushing it returned.
  std::future<bool> eos();

private:
  GstHarness *harness_;
  struct Outlet {
    GstHarness *reader;
    std::unique_ptr<TextLog> log;
  };
  std::map<std::string, Outlet> outlets_;
  std::unique_ptr<Bus> bus_;
  std::string format_ = "I420";
  int width_ = 64, height_ = 48;
};

/// The first caption meta of a frame, null without one.
const GstStructure *meta_of(GstBuffer *buffer);
std::string state_of(GstBuffer *buffer); ///< "" without a meta
std::string caption_of(GstBuffer *buffer);

/// A test with the fake engine reset behind it.
class ElementTest : public ::testing::Test {
protected:
  void TearDown() override { fake().reset(); }
};

} // namespace vlm::test
