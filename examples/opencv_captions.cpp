// SPDX-License-Identifier: LGPL-2.1-or-later
// Captions for a program that has its frames from OpenCV: they go into a pipeline through appsrc,
// and come back from appsink with the caption in their meta.
//
// usage: opencv_captions VIDEO|CAMERA_NUMBER
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include <opencv2/videoio.hpp>

#include <cctype>
#include <iostream>
#include <string>

namespace {

cv::VideoCapture open(const std::string &name) {
  const bool camera = name.size() == 1 && std::isdigit(static_cast<unsigned char>(name[0])) != 0;
  return camera ? cv::VideoCapture(name[0] - '0') : cv::VideoCapture(name);
}

GstCaps *caps_of(const cv::Mat &frame) {
  return gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "BGR", "width", G_TYPE_INT,
                             frame.cols, "height", G_TYPE_INT, frame.rows, "framerate",
                             GST_TYPE_FRACTION, 0, 1, nullptr);
}

// A copy: OpenCV uses its own again. GStreamer wants lines that begin at multiples of four bytes,
// which the video meta spares us.
GstBuffer *buffer_of(const cv::Mat &frame, GstClockTime pts) {
  const gsize size = frame.total() * frame.elemSize();
  GstBuffer *buffer = gst_buffer_new_memdup(frame.data, size);
  gsize offset[GST_VIDEO_MAX_PLANES] = {0};
  gint stride[GST_VIDEO_MAX_PLANES] = {static_cast<gint>(frame.step)};
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGR,
                                 static_cast<guint>(frame.cols), static_cast<guint>(frame.rows), 1,
                                 offset, stride);
  GST_BUFFER_PTS(buffer) = pts;
  return buffer;
}

void print_caption(GstSample *sample) {
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "GstVlmCaptionMeta");
  if (meta == nullptr)
    return;
  const GstStructure *record = gst_custom_meta_get_structure(meta);
  if (g_strcmp0(gst_structure_get_string(record, "state"), "fresh") == 0)
    std::cout << GST_BUFFER_PTS(buffer) / GST_MSECOND
              << " ms: " << gst_structure_get_string(record, "text") << std::endl;
}

// What came out since; after the last frame, all that still comes.
void drain(GstAppSink *sink, GstClockTime patience) {
  while (GstSample *sample = gst_app_sink_try_pull_sample(sink, patience)) {
    print_caption(sample);
    gst_sample_unref(sample);
  }
}

bool tell_error(GstElement *pipeline) {
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  gst_object_unref(bus);
  if (message == nullptr)
    return false;
  GError *error;
  gst_message_parse_error(message, &error, nullptr);
  std::cerr << error->message << '\n';
  g_error_free(error);
  gst_message_unref(message);
  return true;
}

} // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 2) {
    std::cerr << "usage: opencv_captions VIDEO|CAMERA_NUMBER\n";
    return 2;
  }
  cv::VideoCapture capture = open(argv[1]);
  cv::Mat frame;
  if (!capture.isOpened() || !capture.read(frame)) {
    std::cerr << "opencv_captions: " << argv[1] << " gives no frames\n";
    return 1;
  }
  GstElement *pipeline = gst_parse_launch("appsrc name=in format=time max-buffers=4 block=true ! "
                                          "vlmcaption ! appsink name=out sync=false",
                                          nullptr);
  GstElement *in = gst_bin_get_by_name(GST_BIN(pipeline), "in");
  GstElement *out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  GstCaps *caps = caps_of(frame);
  g_object_set(in, "caps", caps, nullptr);
  gst_caps_unref(caps);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);

  const double fps = capture.get(cv::CAP_PROP_FPS);
  const double length = static_cast<double>(GST_SECOND) / (fps > 0 ? fps : 25);
  GstFlowReturn flow = GST_FLOW_OK;
  for (guint64 n = 0; flow == GST_FLOW_OK && !frame.empty(); ++n) {
    const auto pts = static_cast<GstClockTime>(static_cast<double>(n) * length);
    flow = gst_app_src_push_buffer(GST_APP_SRC(in), buffer_of(frame, pts));
    drain(GST_APP_SINK(out), 0);
    if (!capture.read(frame))
      break;
  }
  gst_app_src_end_of_stream(GST_APP_SRC(in));
  drain(GST_APP_SINK(out), GST_CLOCK_TIME_NONE);

  const bool failed = tell_error(pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(in);
  gst_object_unref(out);
  gst_object_unref(pipeline);
  return failed ? 1 : 0;
}
