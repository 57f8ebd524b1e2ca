// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_drafting.h"

#include "model/core/error.h"
#include "model/engine/engine.h"
#include "pipelines/programs/machine_probe.h"

#include <gst/gst.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

namespace vlm {
namespace {

// Color bars with a patch of noise.
constexpr const char *kStill =
    "videotestsrc pattern=smpte ! video/x-raw,width=768,height=576,framerate=30/1";
constexpr GstClockTime kPatience = 600 * GST_SECOND; // for one caption

struct Unref {
  void operator()(void *object) const { gst_object_unref(object); }
};
template <typename T> using Owned = std::unique_ptr<T, Unref>;
using Message = std::unique_ptr<GstMessage, void (*)(GstMessage *)>;

struct Run {
  std::vector<std::string> answers;
  double seconds = 0; ///< from the first to the last
  double decoding = 0;
  uint64_t tokens = 0, drafted = 0, accepted = 0;
};

uint64_t number(const GstStructure *structure, const char *field) {
  guint64 value = 0;
  gst_structure_get_uint64(structure, field, &value);
  return value;
}

void add(Run &run, const GstStructure *record) {
  const char *text = gst_structure_get_string(record, "text");
  run.answers.push_back(text != nullptr ? text : "");
  run.decoding += static_cast<double>(number(record, "decode-time")) / GST_SECOND;
  run.tokens += number(record, "output-tokens");
}

[[noreturn]] void fail_with(GstMessage *message) {
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const std::string what = error->message;
  g_error_free(error);
  fail(ErrorCategory::Failed, what);
}

/// Until enough was said, or the video is over.
void listen(GstElement *pipeline, int64_t captions, Run &run) {
  const Owned<GstBus> bus(gst_element_get_bus(pipeline));
  gint64 first = 0;
  while (static_cast<int64_t>(run.answers.size()) < captions) {
    const Message message(
        gst_bus_timed_pop_filtered(
            bus.get(), kPatience,
            static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT)),
        gst_message_unref);
    if (!message)
      fail(ErrorCategory::Failed, "no caption within ", kPatience / GST_SECOND, " s");
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
      fail_with(message.get());
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS)
      break;
    if (!gst_message_has_name(message.get(), "vlmcaption/caption"))
      continue;
    add(run, gst_message_get_structure(message.get()));
    const gint64 now = g_get_monotonic_time();
    first = first == 0 ? now : first;
    run.seconds = static_cast<double>(now - first) / G_USEC_PER_SEC;
  }
}

void read_stats(GstElement *captioner, Run &run) {
  GstStructure *stats = nullptr;
  g_object_get(captioner, "stats", &stats, nullptr);
  run.drafted = number(stats, "drafted-tokens");
  run.accepted = number(stats, "accepted-tokens");
  gst_structure_free(stats);
}

Owned<GstElement> make(const BenchDraftingOptions &options, const std::string &reuse) {
  GError *error = nullptr;
  const std::string source = options.still ? kStill : "filesrc name=f ! decodebin";
  const std::string line = source +
                           " ! videoconvert ! vlmcaption name=v mode=sync "
                           "repeat-caption=false precision=" +
                           options.precision + " reuse=" + reuse + " ! fakesink sync=false";
  Owned<GstElement> pipeline(gst_parse_launch(line.c_str(), &error));
  if (error != nullptr) {
    const std::string what = error->message;
    g_error_free(error);
    fail(ErrorCategory::Settings, what);
  }
  GstChildProxy *child = GST_CHILD_PROXY(pipeline.get());
  if (!options.still)
    gst_child_proxy_set(child, "f::location", options.video.c_str(), nullptr);
  gst_child_proxy_set(child, "v::prompt", options.prompt.c_str(), "v::interval",
                      static_cast<guint64>(options.interval * GST_SECOND), "v::max-tokens",
                      static_cast<guint>(options.max_tokens), nullptr);
  if (!options.model.empty())
    gst_child_proxy_set(child, "v::model-path", options.model.c_str(), nullptr);
  return pipeline;
}

Run run(const BenchDraftingOptions &options, const std::string &reuse) {
  const Owned<GstElement> pipeline = make(options, reuse);
  const Owned<GstElement> captioner(gst_bin_get_by_name(GST_BIN(pipeline.get()), "v"));
  Run out;
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  try {
    listen(pipeline.get(), options.captions, out);
  } catch (...) {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    throw;
  }
  read_stats(captioner.get(), out);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  if (out.answers.size() < 2)
    fail(ErrorCategory::Failed, options.video, ": ", out.answers.size(),
         " captions: too few to measure");
  return out;
}

double share(uint64_t part, uint64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// Between the first caption and the last there is one less.
nlohmann::json figures(const Run &run) {
  const auto captions = static_cast<double>(run.answers.size());
  return {{"captions_per_second", (captions - 1) / std::max(run.seconds, 1e-9)},
          {"decode_ms", 1e3 * run.decoding / captions},
          {"drafted_right", share(run.accepted, run.drafted)},
          {"tokens_foretold", share(run.accepted, run.tokens)}};
}

void print(const char *name, const nlohmann::json &side) {
  std::printf("%-8s %8.3f captions/s   decoding %8.2f ms   %5.1f %% of drafted tokens right   "
              "%5.1f %% of all tokens foretold\n",
              name, side["captions_per_second"].get<double>(), side["decode_ms"].get<double>(),
              100 * side["drafted_right"].get<double>(),
              100 * side["tokens_foretold"].get<double>());
  std::fflush(stdout);
}

int different(const Run &run, const Run &reference) {
  int count = 0;
  for (size_t i = 0; i < reference.answers.size(); ++i)
    count += i >= run.answers.size() || run.answers[i] != reference.answers[i];
  return count;
}

} // namespace

nlohmann::json bench_drafting(const BenchDraftingOptions &options) {
  // Keeps the model between runs.
  const auto keep =
      vlm_engine(kEngineInterface)
          ->open({options.model, "cpu", options.precision, 0}, nullptr, CancelToken());
  nlohmann::json rounds = nlohmann::json::array();
  Run reference;
  int compared = 0, differing = 0;
  MachineProbes machine;
  for (int64_t i = 0; i < options.rounds; ++i) {
    machine.take();
    const Run plain = run(options, "none");
    if (i == 0)
      reference = plain;
    const Run fast = run(options, options.reuse);
    rounds.push_back({{"none", figures(plain)}, {"reuse", figures(fast)}});
    print("none", rounds.back()["none"]);
    print(options.reuse.c_str(), rounds.back()["reuse"]);
    compared += static_cast<int>(reference.answers.size());
    differing += different(fast, reference);
  }
  machine.take();
  nlohmann::json out = {{"model", keep->info().name},
                        {"precision", keep->info().precision},
                        {"video", options.still ? kStill : options.video},
                        {"with", options.reuse},
                        {"captions", reference.answers.size()},
                        {"rounds", rounds},
                        {"machine", machine.figures()},
                        {"compared", compared},
                        {"different", differing}};
  for (const char *side : {"none", "reuse"})
    for (const auto &[field, value] : rounds[0][side].items())
      out[side][field] = median_of(rounds, side, field);
  const auto ratio = [&](const char *over, const char *under, const char *field) {
    const double base = out[under][field].get<double>();
    return base > 0 ? out[over][field].get<double>() / base : 0;
  };
  out["ratio"] = ratio("reuse", "none", "captions_per_second");
  out["decode_ratio"] = ratio("none", "reuse", "decode_ms");
  std::printf("medians of %d rounds of %d captions: x %.2f captions/s, decoding x %.2f; %d of %d "
              "answers differ\n",
              static_cast<int>(rounds.size()), static_cast<int>(reference.answers.size()),
              out["ratio"].get<double>(), out["decode_ratio"].get<double>(), differing, compared);
  return out;
}

} // namespace vlm
