// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <atomic>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace vlm::test {
namespace {

// Whole pipelines, in this process.
class Pipelines : public ElementTest {
protected:
  void SetUp() override {
    for (const char *name : {"videotestsrc", "videoconvert", "videoscale", "appsrc", "textoverlay",
                             "jpegenc", "matroskamux", "matroskademux"}) {
      GstElementFactory *factory = gst_element_factory_find(name);
      if (!factory)
        GTEST_SKIP() << "the element " << name << " is not installed";
      gst_object_unref(factory);
    }
  }

  void TearDown() override {
    stop();
    ElementTest::TearDown();
  }

  void launch(const std::string &line) {
    GError *error = nullptr;
    GstElement *made = gst_parse_launch(line.c_str(), &error);
    ASSERT_FALSE(error) << error->message;
    pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(made)));
  }

  void play() { gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING); }

  /// Runs to the end; what stopped it otherwise.
  std::string run() {
    play();
    return finish();
  }

  std::string finish() {
    const auto message = take(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    if (!message)
      return "nothing happened";
    return GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS ? "" : problem_of(message.get()).text;
  }

  // Waits, and keeps the records that pass.
  Own<GstMessage> take(GstMessageType types) {
    const Own<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    for (;;) {
      Own<GstMessage> message(gst_bus_timed_pop_filtered(
          bus.get(), 30 * GST_SECOND, GstMessageType(types | GST_MESSAGE_ELEMENT)));
      if (!message || GST_MESSAGE_TYPE(message.get()) & types)
        return message;
      if (gst_message_has_name(message.get(), "vlmcaption/caption"))
        captions_.push_back(text_field(gst_message_get_structure(message.get()), "text"));
    }
  }

  Own<GstElement> get(const char *name) {
    return Own<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }

  void stop() {
    if (pipeline_)
      gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    pipeline_.reset();
  }

  Own<GstElement> pipeline_;
  std::vector<std::string> captions_;
};

constexpr const char *kSource = "videotestsrc num-buffers=75 ! "
                                "video/x-raw,width=64,height=48,framerate=25/1 ! ";

TEST_F(Pipelines, FileIsCaptionedToTheEnd) {
  launch(std::string(kSource) + "vlmcaption interval=1000000000 ! fakesink");
  EXPECT_EQ(run(), "");
  EXPECT_EQ(captions_, (std::vector<std::string>{"answer 1", "answer 2", "answer 3"}));
}

// Default wait-text, no queue anywhere: hangs unless text has its thread and comes before video.
TEST_F(Pipelines, TextOverlayNeedsNoQueue) {
  launch(std::string(kSource) + "vlmcaption name=v interval=1000000000 ! "
                                "textoverlay name=o ! fakesink  v.text_src ! o.text_sink");
  EXPECT_EQ(run(), "");
  EXPECT_EQ(captions_.size(), 3u);
}

TEST_F(Pipelines, TwoSynchronisingSinksNeedNoQueue) {
  launch(std::string(kSource) + "vlmcaption name=v interval=0 ! fakesink sync=true  "
                                "v.text_src ! fakesink sync=true");
  EXPECT_EQ(run(), "");
  EXPECT_EQ(captions_.size(), 75u);
}

TEST_F(Pipelines, MatroskaGetsASubtitleTrack) {
  gchar *path = nullptr;
  close(g_file_open_tmp("vlmcaption-XXXXXX.mkv", &path, nullptr));
  const std::string file = path;
  launch(std::string(kSource) +
         "vlmcaption name=v interval=1000000000 ! jpegenc ! queue ! matroskamux name=m ! "
         "filesink location=" +
         file + "  v.text_src ! m.");
  EXPECT_EQ(run(), "");
  stop();
  launch("filesrc location=" + file +
         " ! matroskademux name=d  d.video_0 ! queue ! fakesink  "
         "d.subtitle_0 ! queue ! fakesink name=text async=false signal-handoffs=true");
  std::vector<std::string> texts;
  g_signal_connect(get("text").get(), "handoff",
                   G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *, gpointer out) {
                     GstMapInfo map;
                     gst_buffer_map(buffer, &map, GST_MAP_READ);
                     if (map.size > 0) // the muxer of GStreamer 1.26 writes GAPs as empty texts
                       static_cast<std::vector<std::string> *>(out)->emplace_back(
                           reinterpret_cast<const char *>(map.data), map.size);
                     gst_buffer_unmap(buffer, &map);
                   }),
                   &texts);
  EXPECT_EQ(run(), "");
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[2].substr(0, 8), "answer 3");
  std::remove(path);
  g_free(path);
}

// The recording branch sees every frame, untouched, while the model hangs.
TEST_F(Pipelines, TeeLeavesTheRecordingAlone) {
  fake().hold();
  launch(
      "videotestsrc is-live=true num-buffers=20 ! video/x-raw,width=64,height=48,framerate=100/1 "
      "! tee name=t  t. ! queue ! vlmcaption interval=0 ! fakesink name=a sync=false "
      "t. ! queue ! fakesink name=b sync=false signal-handoffs=true");
  struct Count {
    std::atomic<int> frames{0}, metas{0};
  } count;
  g_signal_connect(get("b").get(), "handoff",
                   G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *, gpointer out) {
                     auto *c = static_cast<Count *>(out);
                     ++c->frames;
                     c->metas += meta_of(buffer) != nullptr;
                   }),
                   &count);
  play();
  EXPECT_TRUE(fake().wait_begun(1));
  fake().release();
  EXPECT_EQ(finish(), "");
  EXPECT_EQ(count.frames, 20);
  EXPECT_EQ(count.metas, 0);
}

TEST_F(Pipelines, LiveSourceIsCaptionedAsynchronously) {
  fake().hold();
  launch("videotestsrc is-live=true num-buffers=30 ! video/x-raw,framerate=100/1 ! "
         "vlmcaption name=v interval=100000000 ! fakesink sync=true");
  play();
  EXPECT_TRUE(fake().wait_begun(1));
  fake().release();
  EXPECT_EQ(finish(), "");
  EXPECT_GE(captions_.size(), 1u);
}

TEST_F(Pipelines, LiveTextIsShown) {
  launch("videotestsrc is-live=true num-buffers=30 ! video/x-raw,framerate=100/1 ! "
         "vlmcaption name=v interval=100000000 ! textoverlay name=o ! fakesink sync=true  "
         "v.text_src ! o.text_sink");
  EXPECT_EQ(run(), "");
}

// Metas pass conversion, scaling and encoding: they have no tags.
TEST_F(Pipelines, CaptionsSurviveConversionAndScaling) {
  launch(std::string(kSource) +
         "vlmcaption interval=1000000000 ! videoconvert ! "
         "video/x-raw,format=RGB ! videoscale ! video/x-raw,width=32,height=32 "
         "! queue ! fakesink name=s signal-handoffs=true");
  std::atomic<int> carried{0};
  g_signal_connect(get("s").get(), "handoff",
                   G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *, gpointer out) {
                     *static_cast<std::atomic<int> *>(out) += meta_of(buffer) != nullptr;
                   }),
                   &carried);
  EXPECT_EQ(run(), "");
  EXPECT_EQ(carried, 75);
}

TEST_F(Pipelines, TwoCaptionersInARow) {
  launch(std::string(kSource) +
         "vlmcaption prompt=one interval=0 ! vlmcaption prompt=two interval=0 "
         "! fakesink");
  EXPECT_EQ(run(), "");
  EXPECT_EQ(captions_.size(), 150u);
  EXPECT_EQ(fake().seen().loads, 1);
}

TEST_F(Pipelines, AppsrcWithHolesAndWithoutFrameRate) {
  launch("appsrc name=a format=time caps=video/x-raw,format=GRAY8,width=4,height=4,framerate=0/1 ! "
         "vlmcaption name=v interval=1000000000 ! fakesink  v.text_src ! fakesink async=false");
  play();
  const auto source = get("a");
  for (const int seconds : {0, 1, 7, 8, 30}) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 16, nullptr);
    gst_buffer_memset(buffer, 0, 0, 16);
    GST_BUFFER_PTS(buffer) = seconds * GST_SECOND;
    GstFlowReturn flow;
    g_signal_emit_by_name(source.get(), "push-buffer", buffer, &flow);
    gst_buffer_unref(buffer);
  }
  GstFlowReturn flow;
  g_signal_emit_by_name(source.get(), "end-of-stream", &flow);
  EXPECT_EQ(finish(), "");
  EXPECT_EQ(captions_.size(), 5u);
}

TEST_F(Pipelines, FailureStopsThePipelineWithItsOwnError) {
  fake().fail_request(2, ErrorCategory::Data, "picture 2 is unusable");
  launch(std::string(kSource) + "vlmcaption interval=1000000000 ! fakesink");
  EXPECT_EQ(run(), "picture 2 is unusable");
}

TEST_F(Pipelines, DownstreamErrorDoesNotHangTheTextPad) {
  launch(std::string(kSource) + "vlmcaption name=v interval=0 ! identity error-after=5 ! fakesink  "
                                "v.text_src ! fakesink async=false");
  EXPECT_NE(run(), "");
}

// As applications handle it: a pause in which the pipeline chooses another clock.
TEST_F(Pipelines, ClockMayBeLost) {
  launch("videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=100/1 ! "
         "vlmcaption interval=0 ! fakesink");
  play();
  ASSERT_TRUE(fake().wait_ended(2));
  gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
  GstClock *other = GST_CLOCK(g_object_new(GST_TYPE_SYSTEM_CLOCK, nullptr));
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), other);
  gst_object_unref(other);
  play();
  EXPECT_TRUE(fake().wait_ended(fake().seen().ended + 5));
  gst_element_send_event(pipeline_.get(), gst_event_new_eos());
  EXPECT_EQ(finish(), "");
}

// Seeks while the model is inside a layer; none takes long, and the end is reached.
TEST_F(Pipelines, SeeksDoNotWaitForTheModel) {
  fake().hold();
  fake().deaf();
  launch("videotestsrc num-buffers=-1 ! video/x-raw,width=64,height=48,framerate=25/1 ! "
         "vlmcaption name=v interval=0 ! fakesink name=s  v.text_src ! fakesink async=false");
  play();
  ASSERT_TRUE(fake().wait_begun(1));
  for (int i = 0; i < 20; ++i) {
    const double took = milliseconds([&] {
      EXPECT_TRUE(gst_element_seek(pipeline_.get(), 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                   GST_SEEK_TYPE_SET, i * GST_SECOND, GST_SEEK_TYPE_SET,
                                   i * GST_SECOND + 10 * kFrame));
    });
    EXPECT_LT(took, kAtOnce);
  }
  fake().release();
  EXPECT_EQ(finish(), "");
  EXPECT_EQ(captions_.size(), 10u);
}

TEST_F(Pipelines, StopsAtOnceFromEveryPhase) {
  launch(std::string(kSource) + "vlmcaption name=v interval=0 ! textoverlay name=o ! fakesink  "
                                "v.text_src ! o.text_sink");
  fake().hold();
  fake().deaf();
  for (int i = 0; i < 20; ++i) {
    play();
    if (i % 2) {
      ASSERT_TRUE(fake().wait_begun(1));
    }
    EXPECT_LT(milliseconds([&] { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }),
              kAtOnce);
  }
}

TEST_F(Pipelines, PauseAndResume) {
  launch("videotestsrc is-live=true num-buffers=20 ! video/x-raw,framerate=100/1 ! "
         "vlmcaption interval=0 ! fakesink");
  for (int i = 0; i < 5; ++i) {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
  }
  EXPECT_EQ(run(), "");
}

// What a scan of the registry does, in a process that has not seen the plugin yet.
TEST(Plugin, LoadsQuicklyAndWithoutTheEngine) {
  EXPECT_TRUE(passes_in_child("DISABLED_Child.LoadsQuickly", "VLM_PLUGIN",
                              g_getenv("GST_PLUGIN_PATH_1_0")));
}

TEST(DISABLED_Child, LoadsQuickly) {
  gchar *file = g_build_filename(g_getenv("VLM_PLUGIN"), "libgstvlm.so", nullptr);
  GstPlugin *plugin = nullptr;
  // Of the processor's time: what else runs on the machine does not count.
  const std::clock_t start = std::clock();
  plugin = gst_plugin_load_file(file, nullptr);
  const double took = 1000.0 * (std::clock() - start) / CLOCKS_PER_SEC;
  g_free(file);
  ASSERT_TRUE(plugin);
  printf("plugin loaded in %.1f ms\n", took);
  if (!kSanitized) {
    EXPECT_LT(took, 50);
  }
  EXPECT_STREQ(gst_plugin_get_license(plugin), "LGPL");
  gst_object_unref(plugin);
  gchar *maps = nullptr;
  ASSERT_TRUE(g_file_get_contents("/proc/self/maps", &maps, nullptr, nullptr));
  for (const char *library : {"libtorch", "libgst-vlm-model", "libfakeengine", "libopencv"})
    EXPECT_EQ(std::string(maps).find(library), std::string::npos) << library;
  g_free(maps);
}

} // namespace
} // namespace vlm::test
