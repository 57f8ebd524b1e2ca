// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <algorithm>
#include <ctime>

#include <sys/mman.h>
#include <unistd.h>

namespace vlm::test {
namespace {

using Gate = ElementTest;

std::vector<std::string> statuses(Caption &v) {
  std::vector<std::string> out;
  for (const auto &record : v.bus().captions())
    out.push_back(text_field(record.get(), "status"));
  return out;
}

TEST_F(Gate, IsOffByDefault) {
  Caption v("interval=0");
  v.play();
  for (int n = 0; n < 3; ++n)
    v.push(n, 100);
  EXPECT_EQ(fake().seen().begun, 3);
}

// Silence is never ambiguous: a frame that was not analysed has a record that says so.
TEST_F(Gate, SkipsWhatDidNotChange) {
  Caption v("interval=0 change-threshold=0.1");
  v.play();
  for (const int brightness : {100, 103, 100, 160, 160})
    v.push(0 + static_cast<int>(v.stat("frames")), brightness);
  const auto records = v.bus().captions();
  std::vector<std::string> seen;
  for (const auto &r : records)
    seen.push_back(text_field(r.get(), "status") + ": " + text_field(r.get(), "text"));
  EXPECT_EQ(seen, (std::vector<std::string>{"ok: answer 1", "skipped-unchanged: answer 1",
                                            "skipped-unchanged: answer 1", "ok: answer 2",
                                            "skipped-unchanged: answer 2"}));
  EXPECT_EQ(v.stat("skipped-unchanged"), 3u);
  EXPECT_EQ(fake().seen().begun, 2);
  for (int n = 0; n < 5; ++n) // each carries the record of its own moment
    EXPECT_EQ(state_of(v.pull().get()), "fresh") << n;
}

// Compared with what was analysed last: slow changes add up.
TEST_F(Gate, NoticesSlowChange) {
  Caption v("interval=0 change-threshold=0.5");
  v.play();
  for (int n = 0; n < 10; ++n)
    v.push(n, 100 + 4 * n);
  EXPECT_GE(fake().seen().begun, 3);
  EXPECT_LE(fake().seen().begun, 4);
}

// The threshold is a share of the picture.
TEST_F(Gate, MeasuresAShareOfThePicture) {
  for (const double threshold : {0.2, 0.3}) {
    Caption v("interval=0 change-threshold=" + std::to_string(threshold));
    v.play("GRAY8", 320, 180);
    v.push(0, 50);
    GstBuffer *quarter = v.frame(1, 50);
    gst_buffer_memset(quarter, 0, 200, 320 * 45); // the upper quarter
    gst_harness_push(v.h(), quarter);
    EXPECT_EQ(v.stat("skipped-unchanged"), threshold < 0.25 ? 0u : 1u) << threshold;
  }
}

TEST_F(Gate, MaxSilenceBreaksIt) {
  Caption v("interval=0 change-threshold=0.1 max-silence=100000000");
  v.play();
  for (int n = 0; n < 7; ++n)
    v.push(n);
  EXPECT_EQ(statuses(v),
            (std::vector<std::string>{"ok", "skipped-unchanged", "skipped-unchanged", "ok",
                                      "skipped-unchanged", "skipped-unchanged", "ok"}));
}

TEST_F(Gate, MaxSilenceZeroNeverBreaksIt) {
  Caption v("interval=0 change-threshold=0.1 max-silence=0");
  v.play();
  v.push(0);
  gst_harness_push(v.h(), v.frame_at(3600 * GST_SECOND));
  EXPECT_EQ(v.stat("skipped-unchanged"), 1u);
}

// What failed was not seen: the next frame is analysed even if it looks the same.
TEST_F(Gate, DoesNotCompareWithAFailedFrame) {
  fake().fail_request(1, ErrorCategory::Failed, "no");
  Caption v("interval=0 change-threshold=0.1 on-error=warn");
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_EQ(statuses(v), (std::vector<std::string>{"failed", "ok"}));
}

// Nor with one that cannot be read: its record says so, and what was not asked.
TEST_F(Gate, UnreadableFrameIsUndecodable) {
  Caption v(R"(interval=0 change-threshold=0.1 on-error=warn questions="<\"a?\",\"b?\">")");
  v.play();
  v.push(0);
  GstBuffer *small = gst_buffer_new_allocate(nullptr, 100, nullptr);
  GST_BUFFER_PTS(small) = kFrame;
  EXPECT_EQ(gst_harness_push(v.h(), small), GST_FLOW_OK);
  v.push(2);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(text_field(records[i].get(), "question"), i % 2 ? "b?" : "a?") << i;
    EXPECT_EQ(text_field(records[i].get(), "status"), i / 2 == 1 ? "undecodable" : "ok") << i;
  }
}

// While the answer is under way, those that look the same wait for its text.
TEST_F(Gate, RepeatsTheAnswerThatIsStillUnderWay) {
  fake().hold();
  Caption v("interval=0 change-threshold=0.1", true);
  v.play();
  v.push(0);
  v.push(1);
  v.push(2);
  EXPECT_TRUE(v.bus().captions().empty());
  fake().release();
  EXPECT_TRUE(v.eos().get());
  for (int n = 0; n < 3; ++n)
    EXPECT_EQ(text_field(v.bus().caption().get(), "text"), "answer 1") << n;
  EXPECT_EQ(fake().seen().begun, 1);
}

TEST_F(Gate, DroppedFrameTakesItsRepeatsAlong) {
  fake().hold();
  Caption v("interval=0 change-threshold=0.1 queue-size=1", true);
  v.play();
  v.push(0, 10); // with the model
  EXPECT_TRUE(fake().wait_begun(1));
  v.push(1, 90);  // waits
  v.push(2, 90);  // the same
  v.push(3, 200); // displaces both
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(statuses(v), (std::vector<std::string>{"ok", "dropped", "dropped", "ok"}));
}

TEST_F(Gate, LooksAgainAfterASeek) {
  Caption v("interval=0 change-threshold=0.1");
  v.play();
  v.push(0);
  v.flush();
  v.push(0);
  EXPECT_EQ(fake().seen().begun, 2);
}

// Memory that knows which of its pages were touched. Zeros.
class Pages {
public:
  explicit Pages(size_t size)
      : size_(size),
        data_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    madvise(data_, size_, MADV_NOHUGEPAGE);
  }
  ~Pages() { munmap(data_, size_); }
  Pages(const Pages &) = delete;

  GstBuffer *buffer() {
    return gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, data_, size_, 0, size_, nullptr,
                                       nullptr);
  }
  size_t touched() const {
    std::vector<unsigned char> pages(all());
    EXPECT_EQ(mincore(data_, size_, pages.data()), 0);
    return static_cast<size_t>(
        std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
  }
  size_t all() const {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return (size_ + page - 1) / page;
  }

private:
  const size_t size_;
  void *const data_;
};

// Cheap enough for every frame of a camera, since it reads little of each: some rows, and of those
// the brightness alone. Counted in pages of memory.
TEST_F(Gate, ReadsLittleOfAFrame) {
  for (const char *format : {"NV12", "I420", "GRAY8"}) {
    Caption v("interval=0 change-threshold=0.1 max-silence=0");
    v.play(format, 1920, 1080);
    GstVideoInfo info;
    gst_video_info_set_format(&info, gst_video_format_from_string(format), 1920, 1080);
    Pages pages(info.size);
    v.push(0, 0);
    GstBuffer *frame = pages.buffer();
    GST_BUFFER_PTS(frame) = kFrame;
    ASSERT_EQ(pages.touched(), 0u);
    gst_harness_push(v.h(), frame);
    EXPECT_EQ(v.stat("skipped-unchanged"), 1u) << format;
    EXPECT_GT(pages.touched(), 50u) << format;
    EXPECT_LT(pages.touched(), 120u) << format << ": of " << pages.all();
  }
}

// Read where it lies or unpacked, brightness is brightness: a change of a quarter of the picture.
TEST_F(Gate, SeesBrightnessInEveryFormat) {
  for (const char *format :
       {"I420",      "NV12", "NV21", "YUY2",   "UYVY",  "YVYU",      "AYUV",
        "VUYA",      "v308", "Y42B", "Y444",   "GRAY8", "I420_10LE", "P010_10LE",
        "GRAY16_LE", "RGB",  "xRGB", "ARGB64", "v210",  "NV12_4L4"}) {
    for (const double threshold : {0.2, 0.3}) {
      GstVideoInfo info;
      ASSERT_TRUE(gst_video_info_set_format(&info, gst_video_format_from_string(format), 384, 384));
      Caption v("interval=0 change-threshold=" + std::to_string(threshold));
      v.play(format, 384, 384);
      v.push(0, 50);
      GstBuffer *quarter = v.frame(1, 50);
      const gsize plane = gsize(GST_VIDEO_INFO_PLANE_STRIDE(&info, 0)) * 96;
      if (GST_VIDEO_FORMAT_INFO_IS_TILED(info.finfo))
        gst_buffer_memset(quarter, 0, 200, 384 * 96); // whole rows of tiles
      else
        gst_buffer_memset(quarter, 0, 200, plane);
      gst_harness_push(v.h(), quarter);
      EXPECT_EQ(v.stat("skipped-unchanged"), threshold < 0.25 ? 0u : 1u)
          << format << " " << threshold;
    }
    fake().reset();
  }
}

double processor_ms() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// What a skipped frame costs the streaming thread, record and message included, for whoever wants
// to know: nothing depends on the machine here.
TEST_F(Gate, IsCheap) {
  Caption v("interval=0 change-threshold=0.1 max-silence=0");
  v.play("NV12", 1920, 1080);
  v.push(0);
  Own<GstBuffer> frame(v.frame(1));
  const int count = 200;
  const double before = processor_ms();
  for (int n = 0; n < count; ++n)
    gst_harness_push(v.h(), gst_buffer_ref(frame.get()));
  const double cost = (processor_ms() - before) / count;
  RecordProperty("ms_per_1080p_frame", std::to_string(cost));
  printf("gate: %.3f ms of a processor per 1080p frame\n", cost);
  EXPECT_EQ(v.stat("skipped-unchanged"), static_cast<guint64>(count));
}

} // namespace
} // namespace vlm::test
