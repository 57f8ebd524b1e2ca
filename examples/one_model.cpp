// SPDX-License-Identifier: LGPL-2.1-or-later
// Two cameras (here: one video twice), two questions, one model: elements with the same model-path,
// device and precision share one copy of the weights within a process, and their answers are
// decoded together.
//
// usage: one_model VIDEO
#include <gst/gst.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <string>

namespace {

constexpr const char *line =
    "uridecodebin name=video ! videoconvert ! tee name=t "
    "t. ! queue ! vlmcaption name=first prompt=\"What is in the picture?\" ! fakesink sync=false "
    "t. ! queue ! vlmcaption name=second prompt=\"Is there a dog?\" ! fakesink sync=false";

struct Unref {
  void operator()(void *object) const { gst_object_unref(object); }
};

// On a thread of the model or of the stream: be brief.
void on_caption(GstElement *element, GstStructure *record, gpointer) {
  const gchar *text = gst_structure_get_string(record, "text");
  const std::string said =
      std::string(GST_ELEMENT_NAME(element)) + ": " + (text ? text : "-") + '\n';
  std::cout << said << std::flush;
}

std::string memory_in_use() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0)
      return line.substr(line.find_first_not_of(" \t", 6));
  return "unknown";
}

} // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 2) {
    std::cerr << "usage: one_model VIDEO\n";
    return 2;
  }
  GError *error = nullptr;
  const std::unique_ptr<GstElement, Unref> pipeline(gst_parse_launch(line, &error));
  if (!pipeline) {
    std::cerr << error->message << '\n';
    return 1;
  }
  gchar *uri = gst_filename_to_uri(argv[1], nullptr);
  gst_child_proxy_set(GST_CHILD_PROXY(pipeline.get()), "video::uri", uri, nullptr);
  g_free(uri);
  for (const char *name : {"first", "second"}) {
    const std::unique_ptr<GstElement, Unref> element(
        gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
    g_signal_connect(element.get(), "caption", G_CALLBACK(on_caption), nullptr);
  }

  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const std::unique_ptr<GstBus, Unref> bus(gst_element_get_bus(pipeline.get()));
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus.get(), GST_CLOCK_TIME_NONE,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool failed = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  if (failed) {
    gst_message_parse_error(message, &error, nullptr);
    std::cerr << error->message << '\n';
    g_error_free(error);
  }
  gst_message_unref(message);
  std::cout << "memory: " << memory_in_use() << '\n';
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return failed ? 1 : 0;
}
