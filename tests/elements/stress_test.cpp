// SPDX-License-Identifier: LGPL-2.1-or-later
// The same thing very often. A twentieth of the rounds by default; VLM_STRESS=full runs all of them
// and prints the figures.
#include "tests/support/generator.h"

#include <gst/gsttracer.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>
#include <unistd.h>

namespace vlm::test {
namespace {

int rounds(int full) {
  static const bool all = g_strcmp0(g_getenv("VLM_STRESS"), "full") == 0;
  return all ? full : full / 20;
}

double resident_mb() {
  std::ifstream file("/proc/self/statm");
  long total = 0, resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// A pushing thread waits in the element for the model, which is in the middle of an answer.
std::future<GstFlowReturn> wait_in_inference(Caption &v, int frame) {
  fake().hold();
  const int begun = fake().seen().begun;
  auto pushed = std::async(std::launch::async, [&v, frame] { return v.push(frame); });
  EXPECT_TRUE(fake().wait_begun(begun + 1));
  return pushed;
}

/// Objects, buffers and events that nobody freed, as the tracer `leaks` counts them; -1 without it.
int alive() {
  int count = -1;
  GList *tracers = gst_tracing_get_active_tracers();
  for (GList *each = tracers; each != nullptr; each = each->next) {
    if (g_strcmp0(G_OBJECT_TYPE_NAME(each->data), "GstLeaksTracer") != 0)
      continue;
    GstStructure *objects = nullptr;
    g_signal_emit_by_name(each->data, "get-live-objects", &objects);
    count = static_cast<int>(
        gst_value_list_get_size(gst_structure_get_value(objects, "live-objects-list")));
    gst_structure_free(objects);
  }
  g_list_free_full(tracers, gst_object_unref);
  return count;
}

class Stress : public ElementTest {};

TEST_F(Stress, FlushDuringInference) {
  Caption v("interval=0");
  v.play();
  double slowest = 0;
  const int count = rounds(1000);
  for (int i = 0; i < count; ++i) {
    auto pushed = wait_in_inference(v, i);
    slowest = std::max(slowest, milliseconds([&] {
                         gst_harness_push_event(v.h(), gst_event_new_flush_start());
                         pushed.get();
                         gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
                       }));
    v.segment();
    fake().release();
  }
  std::cout << count << " flushes during inference, slowest " << slowest << " ms\n";
  EXPECT_LT(slowest, kAtOnce);
}

TEST_F(Stress, NullDuringInference) {
  Caption v("interval=0");
  double slowest = 0;
  const int count = rounds(200);
  for (int i = 0; i < count; ++i) {
    v.play();
    auto pushed = wait_in_inference(v, 0);
    slowest = std::max(slowest, milliseconds([&] {
                         gst_element_set_state(v.element(), GST_STATE_NULL);
                         pushed.get();
                       }));
    fake().release();
    gst_element_set_state(v.element(), GST_STATE_PLAYING);
  }
  std::cout << count << " times NULL during inference, slowest " << slowest << " ms\n";
  EXPECT_LT(slowest, kAtOnce);
}

TEST_F(Stress, MemoryOfStatesIsGivenBack) {
  Caption v("interval=0");
  const auto cycle = [&] {
    v.play();
    EXPECT_EQ(v.push(0), GST_FLOW_OK);
    v.pull();
    gst_element_set_state(v.element(), GST_STATE_NULL);
    v.bus().captions();
    gst_element_set_state(v.element(), GST_STATE_PLAYING);
  };
  for (int i = 0; i < 100; ++i)
    cycle();
  const double before = resident_mb();
  const int count = rounds(1000);
  for (int i = 0; i < count; ++i)
    cycle();
  const double grown = resident_mb() - before;
  std::cout << count << " times NULL to PLAYING, resident memory grew by " << grown << " MB\n";
  if (!kSanitized) { // which keep what was freed
    EXPECT_LT(grown, 5);
  }
}

TEST_F(Stress, PadsComeAndGoWhilePlaying) {
  Caption v("interval=0");
  v.play();
  std::atomic<bool> stop{false};
  std::thread pusher([&] {
    for (int n = 0; !stop; ++n) {
      EXPECT_EQ(v.push(n), GST_FLOW_OK);
      v.pull();
    }
  });
  const int count = rounds(1000);
  for (int i = 0; i < count; ++i) {
    const char *name = i % 3 == 0 ? "text_src" : i % 3 == 1 ? "prompt_src" : "json_src";
    const Own<GstPad> pad(gst_element_request_pad_simple(v.element(), name));
    const Own<GstElement> sink(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("fakesink", nullptr))));
    g_object_set(sink.get(), "async", FALSE, "sync", FALSE, nullptr);
    gst_element_set_state(sink.get(), GST_STATE_PLAYING);
    const Own<GstPad> peer(gst_element_get_static_pad(sink.get(), "sink"));
    EXPECT_EQ(gst_pad_link(pad.get(), peer.get()), GST_PAD_LINK_OK);
    gst_element_release_request_pad(v.element(), pad.get());
    gst_element_set_state(sink.get(), GST_STATE_NULL);
  }
  stop = true;
  pusher.join();
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
  std::cout << count << " pads requested and released while playing\n";
}

/// One of several live streams, with its random life.
class Camera {
public:
  Camera(int number, unsigned seed) : random_(g_rand_new_with_seed(seed)) {
    const std::string kinds[] = {"interval=100000000", "interval=100000000 history=3",
                                 "interval=100000000 look-back=1000000000",
                                 "window=200000000 frames=3"};
    // Delayed: else a source that negotiates just then is refused what it was offered, whatever
    // stands behind the filter.
    const std::string line =
        "videotestsrc is-live=true ! capsfilter name=f caps-change-mode=delayed caps=" + caps() +
        " ! vlmcaption name=v on-error=warn " + kinds[number % 4] + " ! fakesink name=s sync=true";
    GError *error = nullptr;
    pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(line.c_str(), &error))));
    g_assert_no_error(error);
    gst_object_set_name(GST_OBJECT(pipeline_.get()), ("camera" + std::to_string(number)).c_str());
    captioner_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "v"));
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  }
  ~Camera() { g_rand_free(random_); }
  Camera(const Camera &) = delete;
  Camera &operator=(const Camera &) = delete;

  void act() {
    switch (g_rand_int_range(random_, 0, 8)) {
    case 0:
      g_object_set(captioner_.get(), "prompt",
                   ("What is " + std::to_string(g_rand_int(random_)) + "?").c_str(), nullptr);
      break;
    case 1:
      ++seeks_;
      gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0);
      break;
    case 2: {
      const Own<GstElement> filter(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "f"));
      const Own<GstCaps> wanted(gst_caps_from_string(caps().c_str()));
      g_object_set(filter.get(), "caps", wanted.get(), nullptr);
      break;
    }
    case 3:
      churn_pad();
      break;
    case 4:
    case 5:
      ask();
      break;
    case 6: // often one that is answered already
      g_signal_emit_by_name(captioner_.get(), "cancel",
                            last_id_ - std::min<guint64>(last_id_, random_below(4)));
      break;
    default:
      gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
      gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    read_bus();
  }

  /// Lets what is under way end, and compares what was admitted with what was told.
  void finish() {
    // The bin sends EOS with its state lock held, and a source takes it with its stream lock, which
    // a sink that still prerolls keeps until the state changes: wait for that first.
    EXPECT_EQ(gst_element_get_state(pipeline_.get(), nullptr, nullptr, 20 * GST_SECOND),
              GST_STATE_CHANGE_SUCCESS);
    gst_element_send_event(pipeline_.get(), gst_event_new_eos());
    const Own<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    while (!ended_) {
      const Own<GstMessage> message(gst_bus_timed_pop(bus.get(), 20 * GST_SECOND));
      ASSERT_TRUE(message) << "no end of the stream";
      read(message.get());
    }
    GstStructure *stats;
    g_object_get(captioner_.get(), "stats", &stats, nullptr);
    const Own<GstStructure> owned(stats);
    const auto figure = [&](const char *name) { return time_field(stats, name); };
    EXPECT_EQ(figure("due"), figure("answered") + figure("skipped-unchanged") + figure("dropped") +
                                 figure("failed") + figure("flushed"))
        << gst_structure_to_string(stats);
    EXPECT_LE(records_, figure("due") - figure("flushed"));
    EXPECT_GE(records_ + seeks_,
              figure("due") - figure("flushed"));            // one may be on its way at a flush
    gst_element_set_state(pipeline_.get(), GST_STATE_READY); // in NULL the bus is flushed
    while (open_.size() > 0) {
      const Own<GstMessage> message(gst_bus_timed_pop(bus.get(), 20 * GST_SECOND));
      ASSERT_TRUE(message) << open_.size() << " questions were never answered";
      read(message.get());
    }
    read_bus();
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }
  guint64 records() const { return records_; }
  guint64 asked() const { return asked_; }

private:
  std::string caps() {
    const int widths[] = {64, 320, 1, 640};
    return "video/x-raw,framerate=25/1,width=" +
           std::to_string(widths[g_rand_int_range(random_, 0, 4)]) + ",height=48";
  }
  guint32 random_below(gint32 end) {
    return static_cast<guint32>(g_rand_int_range(random_, 0, end));
  }
  void ask() {
    guint64 id = 0;
    if (random_below(2))
      g_signal_emit_by_name(captioner_.get(), "ask", "what?", &id);
    else
      g_signal_emit_by_name(captioner_.get(), "ask-at", "what was?",
                            random_below(2000) * GST_MSECOND, &id);
    if (id != 0) {
      ++asked_;
      last_id_ = id;
      EXPECT_TRUE(open_.insert(id).second) << "two questions have the id " << id;
    }
  }
  void churn_pad() {
    const char *name = g_rand_boolean(random_) ? "text_src" : "json_src";
    const Own<GstPad> pad(gst_element_request_pad_simple(captioner_.get(), name));
    if (!pad)
      return;
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "async", FALSE, nullptr);
    gst_bin_add(GST_BIN(pipeline_.get()), sink);
    gst_element_sync_state_with_parent(sink);
    const Own<GstPad> peer(gst_element_get_static_pad(sink, "sink"));
    gst_pad_link(pad.get(), peer.get());
    gst_element_release_request_pad(captioner_.get(), pad.get());
    gst_element_set_state(sink, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline_.get()), sink);
  }
  void read_bus() {
    const Own<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    while (const Own<GstMessage> message{gst_bus_pop(bus.get())})
      read(message.get());
  }
  void read(GstMessage *message) {
    ended_ |= GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    records_ += gst_message_has_name(message, "vlmcaption/caption");
    if (gst_message_has_name(message, "vlmcaption/answer")) {
      const guint64 id = time_field(gst_message_get_structure(message), "ask-id");
      EXPECT_EQ(open_.erase(id), 1u) << "question " << id << " has two answers or was refused";
    }
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
      ADD_FAILURE() << GST_MESSAGE_SRC_NAME(message) << ": "
                    << text_field(gst_message_get_structure(message), "debug");
  }

  GRand *random_;
  Own<GstElement> pipeline_, captioner_;
  guint64 records_ = 0, seeks_ = 0, asked_ = 0, last_id_ = 0;
  std::set<guint64> open_; ///< questions without an answer
  bool ended_ = false;
};

TEST_F(Stress, EightLiveStreams) {
  const unsigned seed =
      g_getenv("VLM_SEED") ? static_cast<unsigned>(atoi(g_getenv("VLM_SEED"))) : 1;
  const double seconds = rounds(1200) / (rounds(20) == 20 ? 1. : 12.); // 20 minutes, or 5 seconds
  const int alive_before = alive();
  std::vector<std::unique_ptr<Camera>> cameras;
  for (int i = 0; i < 8; ++i)
    cameras.push_back(std::make_unique<Camera>(i, seed * 8 + static_cast<unsigned>(i)));
  const gint64 end = g_get_monotonic_time() + static_cast<gint64>(seconds * 1e6);
  guint64 acts = 0;
  for (size_t i = 0; g_get_monotonic_time() < end; ++i, ++acts) {
    cameras[i % 8]->act();
    g_usleep(10000);
  }
  guint64 records = 0, asked = 0;
  for (auto &camera : cameras) {
    camera->finish();
    records += camera->records();
    asked += camera->asked();
  }
  cameras.clear();
  fake().reset();         // waits for its threads
  gst_task_cleanup_all(); // and for those of pads, which let go of their tasks last
  EXPECT_EQ(alive(), alive_before);
  std::cout << "8 live streams for " << seconds << " s, seed " << seed << ": " << acts << " acts, "
            << records << " records, " << asked << " questions, all accounted for; resident memory "
            << resident_mb() << " MB\n";
  EXPECT_GT(records, 0u);
  EXPECT_GT(asked, 0u);
}

// Elements that paint: pulled, flushed or stopped in the middle.
TEST_F(Stress, GeneratorsLeaveNothingBehind) {
  const auto use = [](int how) {
    Generator g("queue-size=4");
    g.play();
    if (how > 0)
      fake().hold();
    for (int n = 0; n < 3; ++n)
      g.push(n);
    EXPECT_GT(g.generate("a call"), 0u);
    if (how == 0) {
      g.pull();
      return;
    }
    EXPECT_TRUE(fake().wait_begun(1));
    if (how == 1)
      g.flush();
    gst_element_set_state(g.element(), GST_STATE_NULL);
  };
  for (int i = 0; i < 3; ++i, fake().reset())
    use(i);
  gst_task_cleanup_all(); // threads of pads let go of their tasks last
  const int before = alive();
  const int count = rounds(2000);
  for (int i = 0; i < count; ++i, fake().reset())
    use(i % 3);
  gst_task_cleanup_all();
  EXPECT_EQ(alive(), before);
}

} // namespace
} // namespace vlm::test
