// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"
#include "tests/support/limited_pool.h"

#include <algorithm>
#include <chrono>

namespace vlm::test {
namespace {

using Async = ElementTest;

// auto asks upstream.
TEST_F(Async, IsChosenBehindALiveSource) {
  fake().hold();
  Caption v("interval=0", true);
  v.play();
  EXPECT_EQ(v.push(0), GST_FLOW_OK); // would wait for ever in sync mode
  EXPECT_EQ(meta_of(v.pull().get()), nullptr);
  EXPECT_TRUE(fake().wait_begun(1));
}

TEST_F(Async, IsNotChosenOtherwise) {
  Caption v("interval=0", false);
  v.play();
  v.push(0);
  EXPECT_EQ(caption_of(v.pull().get()), "answer 1");
}

TEST_F(Async, MayBeSetForAFile) {
  fake().hold();
  Caption v("interval=0 mode=async", false);
  v.play();
  EXPECT_EQ(v.push(0), GST_FLOW_OK);
}

TEST_F(Async, SyncMayBeSetForALiveSource) {
  Caption v("interval=0 mode=sync", true);
  v.play();
  v.push(0);
  EXPECT_EQ(caption_of(v.pull().get()), "answer 1");
}

// A model that never answers costs the video nothing.
TEST_F(Async, VideoNeverWaits) {
  fake().hold();
  Caption v("interval=0", true);
  v.play();
  for (int n = 0; n < 500; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  EXPECT_EQ(gst_harness_buffers_received(v.h()), 500u);
  EXPECT_TRUE(fake().wait_begun(1)); // all frames may be through before the model has looked
  EXPECT_EQ(fake().seen().begun, 1);
}

TEST_F(Async, VideoDoesNotWaitForLoadingEither) {
  fake().hold_open();
  Caption v("interval=0", true);
  v.play();
  for (int n = 0; n < 5; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  fake().release();
  const auto dropped = v.bus().caption();
  EXPECT_EQ(text_field(dropped.get(), "status"), "dropped");
  // The newest frame is what the model gets first.
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(v.stat("dropped"), 4u);
  EXPECT_EQ(v.stat("answered"), 1u);
}

// Fresh on the first frame after the answer, with its age; then held; then stale.
TEST_F(Async, CaptionRidesOnTheNextFrames) {
  fake().hold();
  Caption v("interval=100000000", true);
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_TRUE(fake().wait_begun(1));
  fake().step();
  ASSERT_TRUE(v.bus().caption());
  for (int n = 2; n < 9; ++n)
    v.push(n); // more are due; the model keeps them
  const std::vector<std::string> states = {"",     "",     "fresh", "held",
                                           "held", "held", "stale", "stale"};
  for (size_t n = 0; n < states.size(); ++n) {
    const auto out = v.pull();
    EXPECT_EQ(state_of(out.get()), states[n]) << n;
    if (n >= 2) {
      EXPECT_EQ(time_field(meta_of(out.get()), "age"), n * kFrame);
    }
  }
}

// Two answers between two frames: the first on top, all of them in `records`.
TEST_F(Async, SeveralRecordsShareAFrame) {
  fake().hold();
  Caption v("interval=0 queue-size=2 queue-policy=block", true);
  v.play();
  v.push(0);
  v.push(1);
  fake().release();
  EXPECT_TRUE(v.bus().caption());
  EXPECT_TRUE(v.bus().caption());
  fake().hold();
  v.push(2);
  v.pull();
  v.pull();
  const auto out = v.pull();
  const GstStructure *meta = meta_of(out.get());
  ASSERT_TRUE(meta);
  EXPECT_EQ(text_field(meta, "text"), "answer 1");
  const GValue *records = gst_structure_get_value(meta, "records");
  ASSERT_TRUE(records);
  ASSERT_EQ(gst_value_array_get_size(records), 2u);
  EXPECT_EQ(text_field(gst_value_get_structure(gst_value_array_get_value(records, 1)), "text"),
            "answer 2");
}

std::vector<std::string> statuses(Bus &bus) {
  std::vector<std::string> out;
  for (const auto &record : bus.captions())
    out.push_back(text_field(record.get(), "status"));
  return out;
}

// Every due frame is accounted for, in order, whatever happened to it.
TEST_F(Async, DropOldestKeepsTheNewest) {
  fake().hold();
  Caption v("interval=0 queue-size=2 queue-policy=drop-oldest", true);
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  for (int n = 1; n < 6; ++n)
    v.push(n);
  EXPECT_EQ(v.stat("queue"), 3u);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v.bus()),
            (std::vector<std::string>{"ok", "dropped", "dropped", "dropped", "ok", "ok"}));
  EXPECT_EQ(v.stat("dropped"), 3u);
  EXPECT_EQ(v.stat("answered"), 3u);
  EXPECT_EQ(v.stat("due"), 6u);
  EXPECT_EQ(v.stat("queue"), 0u);
}

TEST_F(Async, DropNewestKeepsTheOldest) {
  fake().hold();
  Caption v("interval=0 queue-size=2 queue-policy=drop-newest", true);
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  for (int n = 1; n < 6; ++n)
    v.push(n);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v.bus()),
            (std::vector<std::string>{"ok", "ok", "ok", "dropped", "dropped", "dropped"}));
}

TEST_F(Async, QueueSizeZeroTakesAFrameOnlyWhenTheModelIsFree) {
  fake().hold();
  Caption v("interval=0 queue-size=0", true);
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  v.push(1);
  v.push(2);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v.bus()), (std::vector<std::string>{"ok", "dropped", "dropped"}));
}

TEST_F(Async, BlockLosesNothing) {
  fake().hold();
  Caption v("interval=0 queue-size=1 queue-policy=block", true);
  v.play();
  auto pushed = std::async(std::launch::async, [&] {
    for (int n = 0; n < 5; ++n)
      v.push(n);
  });
  EXPECT_TRUE(fake().wait_begun(1));
  fake().release();
  pushed.get();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(v.stat("answered"), 5u);
  EXPECT_EQ(v.stat("dropped"), 0u);
}

TEST_F(Async, DropsAreToldByQos) {
  fake().hold();
  Caption v("interval=0 queue-size=0", true);
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  v.push(1);
  v.push(2);
  const auto message = v.bus().wait(GST_MESSAGE_QOS);
  ASSERT_TRUE(message);
  gboolean live = FALSE;
  guint64 running = 0, stream = 0, pts = 0, duration = 0;
  gst_message_parse_qos(message.get(), &live, &running, &stream, &pts, &duration);
  EXPECT_TRUE(live);
  EXPECT_EQ(pts, kFrame);
  EXPECT_EQ(running, kFrame);
  EXPECT_EQ(duration, kFrame);
  GstFormat format;
  guint64 processed = 0, dropped = 0;
  gst_message_parse_qos_stats(message.get(), &format, &processed, &dropped);
  EXPECT_EQ(format, GST_FORMAT_BUFFERS);
  EXPECT_EQ(processed, 0u);
  EXPECT_EQ(dropped, 1u);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_QOS)) << "at most one a second";
}

// ---- frames that are too old
// ----------------------------------------------------------------------

// How many seconds the first frames of a stream may wait; -1: as long as it takes.
std::vector<int> waits(const std::string &properties, bool live = true) {
  const auto before = std::chrono::steady_clock::now();
  Caption v(properties, live);
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_ended(1));
  std::vector<int> out;
  for (const auto &deadline : fake().seen().deadlines) {
    const double wait = deadline ? std::chrono::duration<double>(*deadline - before).count() : -1;
    out.push_back(static_cast<int>(wait)); // some of it has passed since `before`
  }
  return out;
}

TEST_F(Async, FramesMayWaitForAWhile) {
  const struct {
    const char *properties;
    int wait;
  } cases[] = {
      {"mode=async interval=4000000000", 8},
      {"mode=async interval=4000000000 queue-size=0", -1},
      {"mode=async interval=4000000000 queue-size=0 latency=3000000000", 3},
      {"mode=async interval=4000000000 change-threshold=0.1", -1},
      {"mode=async interval=4000000000 queue-size=4", 20},
      {"mode=async interval=4000000000 queue-policy=drop-newest", 8},
      {"mode=async interval=4000000000 queue-policy=block", -1},
      {"mode=async interval=4000000000 latency=3000000000", 3},
      {"mode=async interval=0", -1},
      {"mode=async interval=9223372036854775807 queue-size=1000", -1},
      {"mode=sync interval=4000000000", -1},
  };
  for (const auto &c : cases) {
    const auto seen = waits(c.properties);
    ASSERT_GE(seen.size(), 1u) << c.properties;
    EXPECT_EQ(seen[0], c.wait) << c.properties;
    fake().reset();
  }
  EXPECT_EQ(waits("mode=async interval=4000000000", false).at(0), -1) << "a file waits for nothing";
}

TEST_F(Async, FrameThatWaitedTooLongIsDroppedWhole) {
  fake().hold();
  Caption v("interval=40000000 queue-size=2 questions=\"<\\\"a?\\\",\\\"b?\\\">\"", true);
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  v.push(1);
  fake().expire(); // the first question was begun in time, and so the second one is answered, too
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v.bus()), (std::vector<std::string>{"ok", "ok", "dropped", "dropped"}));
  EXPECT_EQ(v.stat("dropped"), 2u);
  EXPECT_EQ(v.stat("failed"), 0u);
  EXPECT_EQ(v.stat("answered"), 2u);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR)) << "a frame that is too old is no failure";
}

// What looks like a frame that nobody has seen is looked at.
TEST_F(Async, GateDoesNotCompareWithAFrameThatWaitedTooLong) {
  fake().hold();
  Caption v("interval=40000000 queue-size=5 latency=9000000000 change-threshold=0.1", true);
  v.wait_loaded();
  v.play();
  v.push(0, 10);
  EXPECT_TRUE(fake().wait_begun(1));
  v.push(1, 200);
  v.push(2, 200); // would repeat what is said of the one before
  fake().expire();
  fake().release();
  for (const char *status : {"ok", "dropped", "dropped"})
    EXPECT_EQ(text_field(v.bus().caption().get(), "status"), status);
  EXPECT_EQ(fake().seen().begun, 1);
  v.push(3, 200);
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v.bus()), (std::vector<std::string>{"dropped"})) << "skipped without a look";
}

// A model that hangs for ever does not fill the memory with news about frames it missed.
TEST_F(Async, BacklogOfAHangingModelIsBounded) {
  fake().hold();
  Caption v("interval=0 queue-size=0", true);
  v.wait_loaded();
  v.play();
  for (int n = 0; n < 1500; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  const auto seen = statuses(v.bus());
  EXPECT_GE(seen.size(), 400u);
  EXPECT_EQ(v.stat("dropped"), 1499u);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(seen.size() + statuses(v.bus()).size(), 1500u);
}

TEST_F(Async, FramesAreLetGoAtOnce) {
  fake().hold();
  Caption v("interval=0", true);
  v.play();
  GstBuffer *in = v.frame(0);
  Own<GstBuffer> kept(gst_buffer_ref(in));
  gst_harness_push(v.h(), in);
  v.pull();
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(kept.get()), 1);
}

// ---- memory that goes back to somebody
// ------------------------------------------------------------

// As a copy of a pool's buffer does since GStreamer 1.26.
Own<GstBuffer> copy_with_parent(GstBuffer *buffer) {
  Own<GstBuffer> copy(gst_buffer_copy(buffer));
  if (!gst_buffer_get_parent_buffer_meta(copy.get()))
    gst_buffer_add_parent_buffer_meta(copy.get(), buffer);
  return copy;
}

struct Handover {
  const char *name;
  bool shared, copied;
};
void PrintTo(const Handover &handover, std::ostream *out) { *out << handover.name; }

class Borrowed : public ElementTest, public ::testing::WithParamInterface<Handover> {
protected:
  // Frame `n` on its way; once it has passed only `buffer` is left of it.
  static void pass(Caption &v, const Own<GstBuffer> &buffer) {
    if (GetParam().copied) { // somebody upstream made the copy, a tee shares it
      const auto copy = copy_with_parent(buffer.get());
      gst_harness_push(v.h(), gst_buffer_ref(copy.get()));
    } else {
      gst_harness_push(v.h(), gst_buffer_ref(buffer.get()));
    }
    v.pull();
  }
};

// Frames that wait, the newest one and those of the look-back hold nothing that a pool, which has
// no more, needs; behind a tee neither, where the base class makes a copy that knows no pool.
TEST_P(Borrowed, MemoryOfALimitedPoolIsLetGo) {
  for (const char *properties :
       {"interval=0 queue-size=9", "window=80000000 frames=2 look-back=9000000000"}) {
    {
      fake().hold();
      Caption v(std::string(properties) + " region-prompt=what?", true);
      v.wait_loaded();
      v.play();
      const Pool pool = limited_pool(64 * 48 * 3 / 2);
      for (guint n = 0; n < 2 * kPoolBuffers + 1; ++n) {
        Own<GstBuffer> frame = acquire(pool.get(), static_cast<int>(n));
        ASSERT_TRUE(frame) << properties << ": the pool is empty after " << n << " frames";
        gst_buffer_add_video_region_of_interest_meta(frame.get(), "thing", 1, 1, 8, 8);
        if (GetParam().shared) {
          pass(v, frame);
          EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(frame.get()), 1) << n;
          EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(gst_buffer_peek_memory(frame.get(), 0)), 1) << n;
        } else {
          gst_harness_push(v.h(), frame.release());
          v.pull();
        }
      }
      fake().release();
      EXPECT_TRUE(v.eos().get());
    }
    fake().reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Async, Borrowed,
                         ::testing::Values(Handover{"alone", false, false},
                                           Handover{"shared", true, false},
                                           Handover{"copied", true, true}),
                         [](const auto &info) { return info.param.name; });

// Memory that is not the system's, as that of a device.
struct DeviceMemory {
  GstMemory memory;
  guint8 *data;
};

struct DeviceAllocator {
  GstAllocator parent;
};
struct DeviceAllocatorClass {
  GstAllocatorClass parent;
};
G_DEFINE_TYPE(DeviceAllocator, device_allocator, GST_TYPE_ALLOCATOR)

GstMemory *device_alloc(GstAllocator *self, gsize size, GstAllocationParams *) {
  auto *made = g_new0(DeviceMemory, 1);
  made->data = static_cast<guint8 *>(g_malloc0(size));
  gst_memory_init(&made->memory, static_cast<GstMemoryFlags>(0), self, nullptr, size, 0, 0, size);
  return &made->memory;
}

void device_free(GstAllocator *, GstMemory *memory) {
  g_free(reinterpret_cast<DeviceMemory *>(memory)->data);
  g_free(memory);
}

void device_allocator_class_init(DeviceAllocatorClass *klass) {
  klass->parent.alloc = device_alloc;
  klass->parent.free = device_free;
}

void device_allocator_init(DeviceAllocator *self) {
  self->parent.mem_type = "TestDevice";
  self->parent.mem_map = [](GstMemory *memory, gsize, GstMapFlags) -> gpointer {
    return reinterpret_cast<DeviceMemory *>(memory)->data;
  };
  self->parent.mem_unmap = [](GstMemory *) {};
}

TEST_F(Async, MemoryOfADeviceIsLetGo) {
  fake().hold();
  Caption v("interval=0", true);
  v.wait_loaded();
  v.play("GRAY8", 64, 48);
  Own<GstBuffer> frame(v.frame(0, 77));
  auto *device = static_cast<GstAllocator *>(
      gst_object_ref_sink(g_object_new(device_allocator_get_type(), nullptr)));
  GstMemory *memory = gst_allocator_alloc(device, 64 * 48, nullptr);
  gst_object_unref(device); // its memory keeps it
  gst_buffer_replace_all_memory(frame.get(), memory);
  gst_buffer_memset(frame.get(), 0, 77, 64 * 48);
  gst_harness_push(v.h(), gst_buffer_ref(frame.get()));
  v.pull();
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(memory), 1);
  gst_buffer_memset(frame.get(), 0, 200, 64 * 48); // is the next frame's already
  EXPECT_TRUE(fake().wait_begun(1));
  const Image seen = fake().seen().last.images.at(0);
  EXPECT_EQ(seen.rgb, std::vector<uint8_t>(seen.rgb.size(), seen.rgb.at(0)));
  EXPECT_LT(seen.rgb.at(0), 100);
}

// Times of a live stream are known to the wall clock.
TEST_F(Async, LiveRecordsHaveAWallClock) {
  Caption v("interval=0", true);
  v.play();
  const guint64 before = g_get_real_time() * GST_USECOND;
  v.push(0);
  const auto record = v.bus().caption();
  EXPECT_GE(time_field(record.get(), "wall-clock"), before);
}

// ---- video that is not as it should be
// ------------------------------------------------------------

std::vector<guint64> milliseconds_of_records(Bus &bus) {
  std::vector<guint64> out;
  for (const auto &record : bus.captions())
    out.push_back(time_field(record.get(), "pts") / GST_MSECOND);
  return out;
}

TEST_F(Async, VideoWithoutTimestampsPassesWithOneWarning) {
  Caption v("interval=0", true);
  v.play();
  for (int n = 0; n < 3; ++n)
    EXPECT_EQ(gst_harness_push(v.h(), v.frame_at(GST_CLOCK_TIME_NONE)), GST_FLOW_OK);
  EXPECT_EQ(problem_of(v.bus().wait(GST_MESSAGE_WARNING).get()).code, GST_STREAM_ERROR_FORMAT);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_WARNING));
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(v.stat("undated"), 3u);
  EXPECT_EQ(v.stat("due"), 0u);
}

TEST_F(Async, TimestampsMayGoBack) {
  Caption v("interval=100000000 queue-policy=block", true);
  v.play();
  for (const int ms : {1000, 960, 1000, 1100, 1090, 1100, 200, 240, 300})
    EXPECT_EQ(gst_harness_push(v.h(), v.frame_at(ms * GST_MSECOND)), GST_FLOW_OK);
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(milliseconds_of_records(v.bus()), (std::vector<guint64>{1000, 1100, 200, 300}));
}

// What is under way keeps the size that it was taken with.
TEST_F(Async, SizeMayChangeWhileAFrameIsUnderWay) {
  fake().hold();
  Caption v("interval=0 queue-policy=block queue-size=2", true);
  v.play("I420", 64, 48);
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  EXPECT_EQ(fake().seen().last.images.at(0).width, 64);
  v.play("RGB", 30, 20);
  v.push(1);
  v.play("NV12", 1, 1);
  v.push(2);
  fake().step();
  EXPECT_TRUE(fake().wait_begun(2));
  EXPECT_EQ(fake().seen().last.images.at(0).width, 30);
  fake().step();
  EXPECT_TRUE(fake().wait_begun(3));
  EXPECT_EQ(fake().seen().last.images.at(0).rgb.size(), 3u);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v.bus()), (std::vector<std::string>{"ok", "ok", "ok"}));
}

TEST_F(Async, StreamWithoutFramesEnds) {
  fake().hold_open();
  Caption v("mode=async", true);
  v.play();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(v.stat("due"), 0u);
}

// ---- the end
// --------------------------------------------------------------------------------------

TEST_F(Async, EosWaitsForTheLastCaption) {
  fake().hold();
  Caption v("interval=0", true);
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_TRUE(fake().wait_begun(1));
  auto eos = v.eos();
  EXPECT_EQ(eos.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  fake().release();
  EXPECT_TRUE(eos.get());
  EXPECT_EQ(v.bus().captions().size(), 2u);
}

// No frame follows that could carry the last answers: they go before the EOS, as events.
TEST_F(Async, LateRecordsTravelBeforeEos) {
  fake().hold();
  Caption v("interval=0", true);
  v.play();
  v.push(0);
  auto eos = v.eos();
  EXPECT_TRUE(fake().wait_begun(1));
  fake().release();
  EXPECT_TRUE(eos.get());
  std::vector<GstEventType> types;
  while (const Own<GstEvent> event{gst_harness_try_pull_event(v.h())}) {
    types.push_back(GST_EVENT_TYPE(event.get()));
    if (types.back() != GST_EVENT_CUSTOM_DOWNSTREAM)
      continue;
    const GstStructure *record = gst_event_get_structure(event.get());
    EXPECT_STREQ(gst_structure_get_name(record), "vlmcaption/record");
    EXPECT_EQ(text_field(record, "text"), "answer 1");
  }
  ASSERT_GE(types.size(), 2u);
  EXPECT_EQ(types[types.size() - 2], GST_EVENT_CUSTOM_DOWNSTREAM);
  EXPECT_EQ(types.back(), GST_EVENT_EOS);
}

// Names of the events that came downstream, of records their texts.
std::vector<std::string> downstream(Caption &v) {
  std::vector<std::string> out;
  while (const Own<GstEvent> event{gst_harness_try_pull_event(v.h())})
    out.push_back(GST_EVENT_TYPE(event.get()) == GST_EVENT_CUSTOM_DOWNSTREAM
                      ? text_field(gst_event_get_structure(event.get()), "text")
                      : GST_EVENT_TYPE_NAME(event.get()));
  return out;
}

void expect_events_of_new_stream(const std::vector<std::string> &expected, bool another) {
  fake().hold();
  Caption v("interval=0 queue-policy=block queue-size=9", true);
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_TRUE(fake().wait_begun(1));
  fake().step();
  ASSERT_TRUE(v.bus().caption());
  downstream(v);
  if (another)
    gst_harness_push_event(v.h(), gst_event_new_stream_start("another"));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 100 * kFrame;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  fake().step();
  ASSERT_TRUE(v.bus().caption());
  v.push(0);
  auto seen = downstream(v);
  seen.erase(std::remove(seen.begin(), seen.end(), "caps"), seen.end());
  EXPECT_EQ(seen, expected);
}

// A segment or stream that is over leaves no record behind: one that is ready goes before the
// event, one that is still under way before the next frame.
TEST_F(Async, RecordsOfAnEndedStreamTravelAsEvents) {
  expect_events_of_new_stream({"answer 1", "segment", "answer 2"}, false);
  fake().reset();
  expect_events_of_new_stream({"answer 1", "stream-start", "segment", "answer 2"}, true);
}

TEST_F(Async, FailureIsAnErrorAndEndsTheStream) {
  fake().fail_request(1, ErrorCategory::Failed, "broken");
  Caption v("interval=0", true);
  v.play();
  v.push(0);
  EXPECT_EQ(problem_of(v.bus().wait(GST_MESSAGE_ERROR).get()).text, "broken");
  EXPECT_TRUE(fake().wait_ended(1));
  EXPECT_EQ(v.push(1), GST_FLOW_ERROR);
  EXPECT_TRUE(v.eos().get());
}

TEST_F(Async, WarnedFailureGoesOn) {
  fake().fail_request(1, ErrorCategory::Failed, "broken");
  Caption v("interval=0 on-error=warn queue-policy=block", true);
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v.bus()), (std::vector<std::string>{"failed", "ok"}));
}

// ---- one model, several streams
// -------------------------------------------------------------------

// A stream that asks for much does not starve one that asks for little.
TEST_F(Async, StreamsTakeTurns) {
  fake().hold();
  Caption greedy("interval=0 queue-size=10 prompt=greedy", true);
  Caption modest("interval=0 prompt=modest", true);
  greedy.wait_loaded();
  modest.wait_loaded();
  greedy.play();
  modest.play();
  for (int n = 0; n < 8; ++n)
    greedy.push(n);
  EXPECT_TRUE(fake().wait_begun(1));
  modest.push(0);
  fake().release();
  EXPECT_TRUE(greedy.eos().get());
  EXPECT_TRUE(modest.eos().get());
  const auto questions = fake().seen().questions;
  ASSERT_EQ(questions.size(), 9u);
  EXPECT_EQ(questions[1], "modest");
  EXPECT_EQ(fake().seen().most_at_once, 1);
}

// ---- seeking
// --------------------------------------------------------------------------------------

TEST_F(Async, AnswersFromBeforeASeekAreDropped) {
  fake().hold();
  fake().deaf();
  Caption v("interval=0", true);
  v.play();
  v.push(100);
  EXPECT_TRUE(fake().wait_begun(1));
  v.flush();
  fake().release();
  EXPECT_TRUE(fake().wait_ended(1));
  v.push(1);
  const auto record = v.bus().caption();
  EXPECT_EQ(time_field(record.get(), "pts"), kFrame);
  EXPECT_TRUE(v.eos().get());
  EXPECT_TRUE(v.bus().captions().empty());
}

// A seek that comes while a failure is being told makes it a thing of the past.
TEST_F(Async, FailureFromBeforeASeekDoesNotEndTheStream) {
  fake().fail_request(1, ErrorCategory::Failed, "broken");
  Caption v("interval=0", true);
  const gulong seek = g_signal_connect(
      v.element(), "caption", G_CALLBACK(+[](GstElement *, GstStructure *, gpointer h) {
        gst_harness_push_event(static_cast<GstHarness *>(h), gst_event_new_flush_start());
        gst_harness_push_event(static_cast<GstHarness *>(h), gst_event_new_flush_stop(TRUE));
      }),
      v.h());
  v.play();
  v.push(100);
  EXPECT_TRUE(fake().wait_ended(1));
  g_signal_handler_disconnect(v.element(), seek);
  v.segment();
  EXPECT_EQ(v.push(1), GST_FLOW_OK);
  EXPECT_TRUE(v.eos().get());
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
  EXPECT_EQ(v.stat("answered"), 1u);
}

// A held caption belongs to the stream that it was made from.
TEST_F(Async, NewStreamForgetsOldCaptions) {
  Caption v("interval=10000000000", true);
  v.play();
  v.push(0);
  EXPECT_TRUE(v.bus().caption());
  v.push(1);
  v.pull();
  EXPECT_EQ(state_of(v.pull().get()), "fresh");
  fake().hold();
  gst_harness_push_event(v.h(), gst_event_new_stream_start("another"));
  v.segment();
  v.push(0);
  EXPECT_EQ(meta_of(v.pull().get()), nullptr);
}

// ---- quality of service
// ----------------------------------------------------------------------------

// Whatever downstream and the application say: no frame is dropped for being late.
TEST_F(Async, LateVideoStillFlows) {
  for (const char *name : {"vlmcaption", "vlmencode", "vlmoverlay"}) {
    const Own<GstElement> element(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make(name, nullptr))));
    Bus bus(element.get());
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", "src");
    gst_harness_set_src_caps_str(h, "video/x-raw,format=BGRx,width=4,height=4,framerate=25/1");
    const auto push = [h](int n) {
      GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
      gst_buffer_memset(buffer, 0, 0, 64);
      GST_BUFFER_PTS(buffer) = n * kFrame;
      GST_BUFFER_DURATION(buffer) = kFrame;
      EXPECT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
    };
    push(0);
    for (const bool asked : {false, true}) {
      if (asked)
        g_object_set(element.get(), "qos", TRUE, nullptr);
      gst_harness_push_upstream_event(
          h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, 100 * GST_SECOND, kFrame));
      push(asked ? 2 : 1);
    }
    EXPECT_EQ(gst_harness_buffers_received(h), 3u) << name;

    // Upstream hears of it, and the application of its mistake.
    int qos = 0;
    while (const Own<GstEvent> event{gst_harness_try_pull_upstream_event(h)})
      qos += GST_EVENT_TYPE(event.get()) == GST_EVENT_QOS;
    EXPECT_EQ(qos, 2) << name;
    gboolean enabled = TRUE;
    g_object_get(element.get(), "qos", &enabled, nullptr);
    EXPECT_FALSE(enabled) << name;
    const auto warning = bus.poll(GST_MESSAGE_WARNING);
    ASSERT_TRUE(warning) << name;
    EXPECT_EQ(problem_of(warning.get()).code, GST_LIBRARY_ERROR_SETTINGS);
    gst_element_set_state(element.get(), GST_STATE_NULL);
    gst_element_set_bus(element.get(), nullptr);
    gst_harness_teardown(h);
  }
}

TEST_F(Async, LatencyIsThatOfUpstream) {
  Caption v("", true);
  v.play();
  gst_harness_set_upstream_latency(v.h(), 30 * GST_MSECOND);
  EXPECT_EQ(gst_harness_query_latency(v.h()), 30 * GST_MSECOND);
}

} // namespace
} // namespace vlm::test
