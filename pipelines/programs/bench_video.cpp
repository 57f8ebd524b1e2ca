// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_video.h"

#include "model/core/error.h"
#include "pipelines/programs/machine_probe.h"

#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <memory>
#include <vector>

namespace vlm {
namespace {

constexpr GstClockTime kPatience = 600 * GST_SECOND; // for a model to load and answer once

struct Unref {
  void operator()(void *object) const { gst_object_unref(object); }
};
template <typename T> using Owned = std::unique_ptr<T, Unref>;

double thread_cpu_ms() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double wall_ms() { return static_cast<double>(g_get_monotonic_time()) / 1e3; }

double quantile(std::vector<double> values, double part) {
  if (values.empty())
    return 0;
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

/// What one run saw. Written by the streaming thread, read when it has stopped.
struct Observed {
  std::atomic<bool> measuring{false};
  double entered = 0, cpu_before = 0;
  std::vector<double> inside, cpu; ///< per frame, ms
  guint64 in_time = 0, late = 0;
};

GstPadProbeReturn on_enter(GstPad *, GstPadProbeInfo *, gpointer data) {
  auto *seen = static_cast<Observed *>(data);
  seen->entered = wall_ms();
  seen->cpu_before = thread_cpu_ms();
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn on_leave(GstPad *, GstPadProbeInfo *, gpointer data) {
  auto *seen = static_cast<Observed *>(data);
  if (seen->measuring) {
    seen->inside.push_back(wall_ms() - seen->entered);
    seen->cpu.push_back(thread_cpu_ms() - seen->cpu_before);
  }
  return GST_PAD_PROBE_OK;
}

// In time: at the sink before it is due there, give or take half a frame.
GstPadProbeReturn on_arrival(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *seen = static_cast<Observed *>(data);
  if (!seen->measuring)
    return GST_PAD_PROBE_OK;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const Owned<GstElement> sink(gst_pad_get_parent_element(pad));
  const GstClockTime due =
      GST_BUFFER_PTS(buffer) + gst_base_sink_get_latency(GST_BASE_SINK(sink.get()));
  const GstClockTime now = gst_element_get_current_running_time(sink.get());
  ++(now <= due + GST_BUFFER_DURATION(buffer) / 2 ? seen->in_time : seen->late);
  return GST_PAD_PROBE_OK;
}

void probe(GstElement *pipeline, const char *element, const char *pad, GstPadProbeCallback callback,
           Observed &seen) {
  const Owned<GstElement> owner(gst_bin_get_by_name(GST_BIN(pipeline), element));
  const Owned<GstPad> place(gst_element_get_static_pad(owner.get(), pad));
  gst_pad_add_probe(place.get(), GST_PAD_PROBE_TYPE_BUFFER, callback, &seen, nullptr);
}

// Frames that are dropped while the model loads have records, too.
bool is_answer(GstMessage *message) {
  if (!gst_message_has_name(message, "vlmcaption/caption"))
    return false;
  const gchar *status = gst_structure_get_string(gst_message_get_structure(message), "status");
  return g_strcmp0(status, "ok") == 0 || g_strcmp0(status, "truncated") == 0;
}

/// Waits for the first answer, or for `nanoseconds`. Throws on an error message.
bool wait_for_answer(GstElement *pipeline, GstClockTime nanoseconds) {
  const Owned<GstBus> bus(gst_element_get_bus(pipeline));
  const gint64 end = g_get_monotonic_time() + static_cast<gint64>(nanoseconds / 1000);
  for (gint64 left = end - g_get_monotonic_time(); left > 0; left = end - g_get_monotonic_time()) {
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus.get(), static_cast<GstClockTime>(left) * 1000,
        static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT));
    if (message == nullptr)
      return false;
    GError *error = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
      gst_message_parse_error(message, &error, nullptr);
    const bool caption = is_answer(message);
    gst_message_unref(message);
    if (error != nullptr) {
      const std::string what = error->message;
      g_error_free(error);
      fail(ErrorCategory::Failed, what);
    }
    if (caption)
      return true;
  }
  return false;
}

void watch_for(GstElement *pipeline, double seconds) {
  const gint64 end = g_get_monotonic_time() + static_cast<gint64>(seconds * 1e6);
  for (gint64 left = end - g_get_monotonic_time(); left > 0; left = end - g_get_monotonic_time())
    wait_for_answer(pipeline, static_cast<GstClockTime>(left) * 1000);
}

/// What a captioner's `stats` say.
guint64 stat(GstElement *pipeline, const char *field) {
  const Owned<GstElement> captioner(gst_bin_get_by_name(GST_BIN(pipeline), "x"));
  GstStructure *stats = nullptr;
  g_object_get(captioner.get(), "stats", &stats, nullptr);
  guint64 value = 0;
  gst_structure_get_uint64(stats, field, &value);
  gst_structure_free(stats);
  return value;
}

// Something moves: pictures that are equal would be encoded once for all answers.
nlohmann::json run(const BenchVideoOptions &options, const std::string &element, bool captions) {
  const std::string line =
      "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=" +
      std::to_string(options.width) + ",height=" + std::to_string(options.height) +
      ",framerate=" + std::to_string(options.rate) + "/1 ! " + element +
      " name=x ! fakesink name=s sync=true qos=false";
  GError *error = nullptr;
  const Owned<GstElement> pipeline(gst_parse_launch(line.c_str(), &error));
  if (error != nullptr) {
    const std::string what = error->message;
    g_error_free(error);
    fail(ErrorCategory::Settings, what);
  }
  if (captions && !options.model.empty())
    gst_child_proxy_set(GST_CHILD_PROXY(pipeline.get()), "x::model-path", options.model.c_str(),
                        nullptr);

  Observed seen;
  probe(pipeline.get(), "x", "sink", on_enter, seen);
  probe(pipeline.get(), "x", "src", on_leave, seen);
  probe(pipeline.get(), "s", "sink", on_arrival, seen);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  try {
    if (captions && !wait_for_answer(pipeline.get(), kPatience))
      fail(ErrorCategory::Failed, "no answer within ", kPatience / GST_SECOND, " s");
    watch_for(pipeline.get(), 1); // both start alike
    seen.measuring = true;
    watch_for(pipeline.get(), options.seconds);
    seen.measuring = false;
  } catch (...) {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    throw;
  }
  nlohmann::json result;
  if (captions)
    result = {{"answers", stat(pipeline.get(), "answered")},
              {"encodes_saved", stat(pipeline.get(), "encodes-saved")}};
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);

  double cpu = 0;
  for (const double each : seen.cpu)
    cpu += each;
  const double expected = options.seconds * options.rate;
  result.update({{"frames", seen.in_time + seen.late},
                 {"in_time", static_cast<double>(seen.in_time) / expected},
                 {"p50_ms", quantile(seen.inside, .5)},
                 {"p99_ms", quantile(seen.inside, .99)},
                 {"streaming_cpu", cpu / (options.seconds * 1e3)}});
  return result;
}

void print(const char *name, const nlohmann::json &result) {
  std::printf("%-12s %6.1f %% in time   p50 %7.3f ms   p99 %7.3f ms   streaming thread %5.2f %% of "
              "a core\n",
              name, 100 * result["in_time"].get<double>(), result["p50_ms"].get<double>(),
              result["p99_ms"].get<double>(), 100 * result["streaming_cpu"].get<double>());
  std::fflush(stdout);
}

} // namespace

nlohmann::json bench_video(const BenchVideoOptions &options) {
  const std::string captioner =
      "vlmcaption interval=0 repeat-caption=false precision=" + options.precision;
  nlohmann::json rounds = nlohmann::json::array();
  MachineProbes machine;
  for (int64_t i = 0; i < options.rounds; ++i) {
    machine.take();
    rounds.push_back({{"identity", run(options, "identity", false)},
                      {"vlmcaption", run(options, captioner, true)}});
    print("identity", rounds.back()["identity"]);
    print("vlmcaption", rounds.back()["vlmcaption"]);
  }
  machine.take();
  nlohmann::json out = {{"rounds", rounds}, {"machine", machine.figures()}};
  for (const char *element : {"identity", "vlmcaption"})
    for (const char *field : {"in_time", "p50_ms", "p99_ms", "streaming_cpu"})
      out[element][field] = median_of(rounds, element, field);
  const double base = out["identity"]["in_time"].get<double>();
  out["on_time_ratio"] = base > 0 ? out["vlmcaption"]["in_time"].get<double>() / base : 0;
  out["added_p99_ms"] =
      out["vlmcaption"]["p99_ms"].get<double>() - out["identity"]["p99_ms"].get<double>();
  std::printf(
      "medians of %d rounds: %.2f %% of the frames that identity delivers in time; p99 + %.3f ms\n",
      static_cast<int>(rounds.size()), 100 * out["on_time_ratio"].get<double>(),
      out["added_p99_ms"].get<double>());
  return out;
}

} // namespace vlm
