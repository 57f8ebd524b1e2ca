// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs every file of pipelines/launch with the embedded model. What a test machine lacks, a camera
// and a window, is given through SOURCE and SINK.
#include "tests/support/rtsp_server.h"
#include "tests/support/scratch_folder.h"

#include <gst/gst.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <functional>
#include <future>
#include <numeric>
#include <set>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <vector>

namespace vlm::test {
namespace {

namespace fs = std::filesystem;

const fs::path launch_files = fs::path(VLM_SOURCE) / "pipelines/launch";
const std::string sample = VLM_SOURCE "/pipelines/sample.webm";
const std::string painter = VLM_SOURCE "/tests/data/sdxl/model";
const std::string camera = "SOURCE='videotestsrc is-live=true num-buffers=60' ";

std::vector<nlohmann::json> records_of(const std::string &text) {
  std::vector<nlohmann::json> records;
  for (const std::string &line : lines_of(text))
    records.push_back(nlohmann::json::parse(line));
  return records;
}

class Launch : public ScratchFolder {
protected:
  /// Runs a file of the folder.
  int run(const std::string &command, const std::string &variables = "") const {
    return shell("unset SOURCE; export SINK=fakesink; " + variables + ' ' + launch_files.string() +
                 '/' + command);
  }
};

using OnFrame = std::function<void(GstBuffer *)>;

/// Shows every buffer that comes out of a pipeline.
void play(const std::string &elements, OnFrame on_frame) {
  GError *error = nullptr;
  const std::string line = elements + " ! fakesink name=s signal-handoffs=true";
  GstElement *pipeline = gst_parse_launch(line.c_str(), &error);
  if (pipeline == nullptr) {
    ADD_FAILURE() << error->message;
    g_clear_error(&error);
    return;
  }
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
  g_signal_connect(sink, "handoff",
                   G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *, OnFrame *seen) {
                     (*seen)(buffer);
                   }),
                   &on_frame);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(
      bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) << line;
  if (message != nullptr)
    gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
}

std::string from(const fs::path &file) { return "filesrc location=\"" + file.string() + "\" ! "; }

/// Frames of a recording's video.
int frames_of(const fs::path &file) {
  int frames = 0;
  play(from(file) + "matroskademux", [&frames](GstBuffer *) { ++frames; });
  return frames;
}

/// A picture of three bytes a pixel.
struct Rgb {
  int width = 0, height = 0;
  std::vector<guint8> bytes;
};

/// The last of a pipeline's first `frames`, at any size that is a multiple of four pixels wide.
/// They are counted here: through `identity eos-after` a decodebin may push on behind the end.
Rgb last_of(const std::string &elements, int width, int height, int frames) {
  Rgb out{width, height, {}};
  int seen = 0;
  play(elements + " ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=" +
           std::to_string(width) + ",height=" + std::to_string(height),
       [&](GstBuffer *frame) {
         if (++seen > frames)
           return;
         out.bytes.resize(gst_buffer_get_size(frame));
         gst_buffer_extract(frame, 0, out.bytes.data(), out.bytes.size());
       });
  EXPECT_EQ(out.bytes.size(), static_cast<size_t>(3 * width * height)) << elements;
  return out;
}

/// The share of pixels that are clearly others than those of `plain`, in its part of so many
/// percent from the top and so many from the left. `plain` lies at (x, y) of the picture.
double changed(const Rgb &picture, int x, int y, const Rgb &plain, int top, int bottom, int right) {
  constexpr int clearly = 60; // more than compression does
  int count = 0, all = 0;
  for (int row = plain.height * top / 100; row < plain.height * bottom / 100; ++row)
    for (int column = 0; column < plain.width * right / 100; ++column, ++all) {
      const guint8 *a =
          &picture.bytes.at(static_cast<size_t>(3 * ((y + row) * picture.width + x + column)));
      const guint8 *b = &plain.bytes.at(static_cast<size_t>(3 * (row * plain.width + column)));
      count += std::abs(a[0] - b[0]) > clearly || std::abs(a[1] - b[1]) > clearly ||
               std::abs(a[2] - b[2]) > clearly;
    }
  return static_cast<double>(count) / all;
}

/// Near 0 where nothing was drawn.
double brightness(const Rgb &picture) {
  return std::accumulate(picture.bytes.begin(), picture.bytes.end(), 0.) /
         static_cast<double>(picture.bytes.size());
}

/// A box with text covers the lower left of the picture, and nothing else does.
void expect_caption(const Rgb &picture, int x, int y, const Rgb &plain) {
  EXPECT_GT(changed(picture, x, y, plain, 80, 100, 50), .04) << "no caption at " << x << ", " << y;
  EXPECT_LT(changed(picture, x, y, plain, 0, 50, 100), .05)
      << "at " << x << ", " << y << ", brightness " << brightness(picture) << ", without caption "
      << brightness(plain);
}

/// A socket of the loopback device on a port of the system's choice.
class Listener {
public:
  explicit Listener(int type) : socket_(socket(AF_INET, type, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const timeval patience = {60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr *>(&address), size), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr *>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    if (type == SOCK_STREAM)
      listen(socket_, 1);
  }
  ~Listener() { close(socket_); }
  std::string port() const { return std::to_string(port_); }

  std::string datagram() { return read_some(socket_); }
  std::string connection() {
    const int peer = accept(socket_, nullptr, nullptr);
    EXPECT_GE(peer, 0);
    std::string all;
    for (std::string part = read_some(peer); !part.empty(); part = read_some(peer))
      all += part;
    close(peer);
    return all;
  }

private:
  static std::string read_some(int from) {
    std::string text(65536, '\0');
    const ssize_t size = recv(from, text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
  }
  int socket_;
  int port_ = 0;
};

TEST_F(Launch, CaptionsOnTerminal) {
  ASSERT_EQ(run("captions-on-terminal " + sample), 0) << err();
  EXPECT_EQ(out().rfind("WEBVTT", 0), 0u) << out();
  int times = 0;
  for (const std::string &line : lines_of(out()))
    times += line.find(" --> ") != std::string::npos;
  EXPECT_EQ(times, 8) << out(); // 15 s, one every 2 s
}

// Nothing waits for a thread that has no core.
TEST_F(Launch, CaptionsOnOneCore) {
  ASSERT_EQ(run("captions-on-terminal " + sample), 0) << err();
  const std::string on_all = out();
  const std::string allowed = "$(sed -n 's/^Cpus_allowed_list:[^0-9]*\\([0-9]*\\).*/\\1/p' "
                              "/proc/self/status)";
  ASSERT_EQ(run("captions-on-terminal " + sample, "taskset -c " + allowed), 0) << err();
  EXPECT_EQ(out(), on_all);
}

TEST_F(Launch, TakesFileNamesAsTheyAre) {
  const fs::path odd = folder() / "a #1 100% video?.webm";
  fs::copy_file(sample, odd);
  EXPECT_EQ(run("captions-on-terminal '" + odd.string() + "'"), 0) << err();
}

TEST_F(Launch, SubtitleTrack) {
  ASSERT_EQ(run("subtitle-track " + sample + " out.mkv"), 0) << err();
  EXPECT_NE(text_of("out.mkv").find("S_TEXT/UTF8"), std::string::npos);
}

TEST_F(Launch, WebVtt) {
  ASSERT_EQ(run("webvtt " + sample + " out.vtt"), 0) << err();
  EXPECT_EQ(text_of("out.vtt").rfind("WEBVTT", 0), 0u);
  EXPECT_NE(text_of("out.vtt").find("00:00:02.000 --> 00:00:04.000"), std::string::npos);
}

TEST_F(Launch, Webcam) {
  ASSERT_EQ(run("webcam", camera + "SINK='vlmmeta2json ! filesink location=records'"), 0) << err();
  EXPECT_GE(records_of(text_of("records")).size(), 1u);
}

/// Whether a camera's stream was played to its end. The server may hang up before gst-launch pauses
/// the source there, which rtspsrc calls an error.
bool played_to_the_end(int status, const std::string &err) {
  return status == 0 || err.find("gst_rtspsrc_pause") != std::string::npos;
}

TEST_F(Launch, Rtsp) {
  const RtspServer server(90);
  const int status = run("rtsp " + server.url(), "SINK='vlmmeta2json ! filesink location=records'");
  ASSERT_TRUE(played_to_the_end(status, err())) << err();
  EXPECT_GE(records_of(text_of("records")).size(), 1u);
}

TEST_F(Launch, RtspToHls) {
  const RtspServer server(150);
  const int status = run("rtsp-to-hls " + server.url() + " hls");
  ASSERT_TRUE(played_to_the_end(status, err())) << err();
  const std::string playlist = text_of("hls/playlist.m3u8");
  EXPECT_EQ(playlist.rfind("#EXTM3U", 0), 0u) << playlist;
  EXPECT_NE(playlist.find("00000.ts"), std::string::npos) << playlist;
  const Rgb bars = last_of("videotestsrc num-buffers=1 ! video/x-raw,format=I420", 320, 240, 1);
  fs::path newest; // the first answer may take a while
  for (const auto &entry : fs::directory_iterator(folder() / "hls"))
    if (entry.path().extension() == ".ts" && entry.path() > newest)
      newest = entry.path();
  expect_caption(last_of(from(newest) + "decodebin", 320, 240, 1000), 0, 0, bars);
}

TEST_F(Launch, EightCameras) {
  std::string cameras;
  for (int i = 0; i < 8; ++i)
    cameras += " " + sample;
  ASSERT_EQ(
      run("eight-cameras" + cameras, "SINK='pngenc snapshot=true ! filesink location=mosaic.png'"),
      0)
      << err();
  const std::string png = text_of("mosaic.png");
  ASSERT_GT(png.size(), 24u);
  EXPECT_EQ(png.substr(16, 8), std::string("\0\0\x07\x80\0\0\x02\x1c", 8)); // 1920 x 540
  const Rgb mosaic = last_of(from(folder() / "mosaic.png") + "pngdec", 1920, 540, 1);
  const Rgb tile = last_of(from(sample) + "decodebin", 480, 270, 1);
  for (int i = 0; i < 8; ++i)
    expect_caption(mosaic, i % 4 * 480, i / 4 * 270, tile);
}

TEST_F(Launch, AlertTellsWhenTheAnswerTurnsToYes) {
  ASSERT_EQ(run("alert " + sample + " 'Is there a car?' cat"), 0) << err();
  const auto records = records_of(out());
  EXPECT_GE(records.size(), 1u);
  for (const auto &record : records)
    EXPECT_EQ(record.value("text", "").rfind("Yes", 0), 0u) << record;
}

TEST_F(Launch, TwoQuestions) {
  ASSERT_EQ(run("two-questions " + sample + " 'What is in \"the\" picture?' 'Is there a dog?'"), 0)
      << err();
  const auto records = records_of(out());
  ASSERT_EQ(records.size(), 30u); // 15 s
  for (size_t i = 0; i < records.size(); ++i)
    EXPECT_EQ(records[i]["question"], i % 2 ? "Is there a dog?" : "What is in \"the\" picture?");
}

TEST_F(Launch, Ocr) {
  if (!VLM_HAVE_TESSERACT)
    GTEST_SKIP() << "built without Tesseract";
  ASSERT_EQ(
      shell("gst-launch-1.0 videotestsrc pattern=white num-buffers=30 ! "
            "video/x-raw,width=640,height=360,framerate=10/1 ! textoverlay text='PLATFORM NINE' "
            "color=4278190080 draw-shadow=false draw-outline=false valignment=center "
            "font-desc='Sans 36' ! vp8enc ! webmmux ! filesink location=sign.webm"),
      0)
      << err();
  ASSERT_EQ(run("ocr sign.webm"), 0) << err();
  const auto records = records_of(out());
  ASSERT_EQ(records.size(), 2u) << out();
  for (const auto &record : records)
    EXPECT_EQ(record["ocr-text"], "PLATFORM NINE");
}

// The real engine with a small model of random weights: its pictures are noise of the asked size.
TEST_F(Launch, TypeToPicture) {
  std::ofstream(folder() / "typed") << "a red bird\na blue fish\n";
  ASSERT_EQ(run("type-to-picture '' 2 < typed",
                "GST_VLM_PAINTER=" + painter +
                    " SINK='video/x-raw,width=64,height=64 ! pngenc ! multifilesink "
                    "location=painted-%d.png'"),
            0)
      << err();
  std::vector<std::string> pictures;
  for (const char *name : {"painted-0.png", "painted-1.png"}) {
    pictures.push_back(text_of(name));
    ASSERT_GT(pictures.back().size(), 24u);
    EXPECT_EQ(pictures.back().substr(16, 8), std::string("\0\0\0\x40\0\0\0\x40", 8)); // 64 x 64
  }
  EXPECT_NE(pictures[0], pictures[1]);
  EXPECT_FALSE(fs::exists(folder() / "painted-2.png"));
}

// The painter is named, or stands for the embedded one.
TEST_F(Launch, PaintedCaptions) {
  const auto beside = [&](const std::string &model, const std::string &variables) {
    ASSERT_EQ(run("painted-captions " + sample + " " + model + " 1",
                  variables + " SINK='pngenc snapshot=true ! filesink location=beside.png'"),
              0)
        << err();
    const std::string png = text_of("beside.png");
    ASSERT_GT(png.size(), 24u);
    EXPECT_EQ(png.substr(16, 8), std::string("\0\0\x03\xe8\0\0\x01\x68", 8)); // 1000 x 360
    fs::remove(folder() / "beside.png");
  };
  beside(painter, "");
  beside("''", "GST_VLM_PAINTER=" + painter);
}

// The camera goes on, and what was painted stands beside it from when it was done.
TEST_F(Launch, PaintedWebcam) {
  ASSERT_EQ(run("painted-webcam /dev/null " + painter + " 1",
                "SOURCE='videotestsrc is-live=true num-buffers=450 pattern=white' "
                "SINK='video/x-raw,width=1000,height=360 ! videoscale ! "
                "video/x-raw,format=GRAY8,width=100,height=36 ! filesink location=beside.gray'"),
            0)
      << err();
  constexpr size_t kWidth = 100, kVideo = 64, kFrame = kWidth * 36;
  const std::string frames = text_of("beside.gray");
  size_t alone = 0, together = 0;
  for (size_t start = 0; start + kFrame <= frames.size(); start += kFrame) {
    const char *row = frames.data() + start + 18 * kWidth;
    const bool white = static_cast<unsigned char>(row[kVideo / 2]) > 200;
    const auto is_lit = [](char value) { return static_cast<unsigned char>(value) > 40; };
    const bool painted = std::any_of(row + kVideo + 2, row + kWidth, is_lit);
    alone += white && !painted;
    together += white && painted;
  }
  std::printf("%zu frames of the camera alone, %zu with a picture\n", alone, together);
  EXPECT_GT(alone, 0u);
  EXPECT_GT(together, 0u);
}

TEST_F(Launch, PicturesThatDoNotFitAreRefusedWithBothFigures) {
  EXPECT_NE(shell("gst-launch-1.0 -q videotestsrc num-buffers=1 ! vlmcaption name=c generate=auto "
                  "prompt='Draw this scene again. <GEN>' ! fakesink c.prompt_src ! vlmgenerate "
                  "model-path=" +
                  painter + " ! video/x-raw,width=32768,height=32768 ! fakesink"),
            0);
  EXPECT_NE(err().find("painting 32768x32768 needs "), std::string::npos) << err();
  EXPECT_NE(err().find(" GB of memory, but only "), std::string::npos) << err();
}

TEST_F(Launch, JsonInDatagrams) {
  Listener listener(SOCK_DGRAM);
  ASSERT_EQ(run("json-to-network " + sample + " udp 127.0.0.1 " + listener.port()), 0) << err();
  const auto records = records_of(listener.datagram());
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0]["sequence"], 1);
}

TEST_F(Launch, JsonOverAConnection) {
  Listener listener(SOCK_STREAM);
  auto received = std::async(std::launch::async, [&] { return listener.connection(); });
  ASSERT_EQ(run("json-to-network " + sample + " tcp 127.0.0.1 " + listener.port()), 0) << err();
  EXPECT_EQ(records_of(received.get()).size(), 8u);
}

TEST_F(Launch, UndisturbedRecordingHasEveryFrame) {
  ASSERT_EQ(run("undisturbed-recording camera out.mkv out.jsonl", camera), 0) << err();
  EXPECT_EQ(frames_of(folder() / "out.mkv"), 60);
  EXPECT_GE(records_of(text_of("out.jsonl")).size(), 1u);
}

// Each says how it is used when it is given nothing.
TEST_F(Launch, EveryFileHasACommentAndIsTested) {
  std::ifstream self(VLM_SOURCE "/tests/programs/launch_test.cpp");
  const std::string tests((std::istreambuf_iterator<char>(self)), {});
  const std::set<std::string> needs_nothing = {"webcam", "painted-webcam", "type-to-picture"};
  int files = 0;
  for (const auto &entry : fs::directory_iterator(launch_files)) {
    const std::string name = entry.path().filename();
    if (name == "environment" || name == "README.md")
      continue;
    ++files;
    std::ifstream file(entry.path());
    const auto lines = lines_of({std::istreambuf_iterator<char>(file), {}});
    ASSERT_GT(lines.size(), 4u) << name;
    EXPECT_EQ(lines[0], "#!/usr/bin/env bash") << name;
    EXPECT_EQ(lines[2].rfind("# ", 0), 0u) << name;
    EXPECT_NE(tests.find("run(\"" + name), std::string::npos) << name << " has no test";
    if (!needs_nothing.count(name)) {
      EXPECT_EQ(run(name), 2) << name;
      EXPECT_NE(err().find("usage: " + name), std::string::npos) << err();
    }
  }
  EXPECT_GE(files, 12);
}

} // namespace
} // namespace vlm::test

int main(int argc, char **argv) {
  ::testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
