// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/rtsp_server.h"

#include <gst/rtsp-server/rtsp-server.h>

#include <stdexcept>
#include <thread>

namespace vlm::test {

struct RtspServer::State {
  GMainContext *context = g_main_context_new();
  GMainLoop *loop = g_main_loop_new(context, FALSE);
  GstRTSPServer *server = gst_rtsp_server_new();
  std::thread thread;
};

RtspServer::RtspServer(int frames) : state_(std::make_unique<State>()) {
  gst_rtsp_server_set_address(state_->server, "127.0.0.1");
  gst_rtsp_server_set_service(state_->server, "0");
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  const std::string media = "( videotestsrc is-live=true num-buffers=" + std::to_string(frames) +
                            " ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! "
                            "jpegenc ! rtpjpegpay name=pay0 )";
  gst_rtsp_media_factory_set_launch(factory, media.c_str());
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(state_->server);
  gst_rtsp_mount_points_add_factory(mounts, "/camera", factory);
  g_object_unref(mounts);
  if (gst_rtsp_server_attach(state_->server, state_->context) == 0)
    throw std::runtime_error("the RTSP server could not be started");
  state_->thread = std::thread([state = state_.get()] {
    g_main_context_push_thread_default(state->context);
    g_main_loop_run(state->loop);
    g_main_context_pop_thread_default(state->context);
  });
}

RtspServer::~RtspServer() {
  g_main_loop_quit(state_->loop);
  state_->thread.join();
  g_object_unref(state_->server);
  g_main_loop_unref(state_->loop);
  g_main_context_unref(state_->context);
}

std::string RtspServer::url() const {
  const int port = gst_rtsp_server_get_bound_port(state_->server);
  return "rtsp://127.0.0.1:" + std::to_string(port) + "/camera";
}

} // namespace vlm::test
