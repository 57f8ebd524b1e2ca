// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_paint.h"

#include "model/core/machine.h"
#include "model/core/progress_bar.h"
#include "model/core/stopwatch.h"
#include "model/weights/model_folder.h"
#include "pipelines/programs/machine_probe.h"
#include "pipelines/programs/peak_memory.h"
#include "pipelines/programs/stable_diffusion_cpp.h"
#include "pipelines/programs/unet_work.h"

#include <cstdio>
#include <malloc.h>
#include <optional>

namespace vlm {
namespace {

using nlohmann::json;

constexpr int kPixelsOfALatent = 8;
constexpr double kGoal = 1.5; // of a whole picture beside the peer

using Parts = std::map<std::string, double>;
using PartSamples = std::map<std::string, Samples>;

Parts parts_of(double encode, double denoise, double decode, int64_t steps) {
  return {{"encode", encode},
          {"step", denoise / static_cast<double>(steps)},
          {"decode", decode},
          {"picture", encode + denoise + decode}};
}

void add(PartSamples &samples, const Parts &parts) {
  for (const auto &[part, value] : parts)
    samples[part].push_back(value);
}

class PaintBench {
public:
  explicit PaintBench(const BenchPaintOptions &options)
      : options_(options), machine_(options.painter.threads),
        bar_("painting", "pictures",
             options.rounds * static_cast<int64_t>(options.requests.size())) {
    const PainterOptions resolved = Painter::resolve(options.painter);
    folder_ = resolved.path;
    const ModelFolder unet(folder_ + "/unet");
    for (const std::string &name : unet.names())
      unet_[name] = unet.shape(name);
    if (options.peer) {
      check_waiting();
      peer_.emplace(peers_folder());
    }
    const Stopwatch watch(load_);
    painter_ = Painter::open(resolved);
  }

  json run() {
    json out = {{"model", painter_->info().name},
                {"precision", painter_->info().precision},
                {"steps", options_.requests[0].steps},
                {"load", load_},
                {"loaded_bytes", forgotten_peak()}};
    std::vector<json> sizes;
    for (const PaintRequest &request : options_.requests)
      sizes.push_back(measure(request));
    bar_.clear();
    machine_.take();
    out["machine"] = machine_.figures();
    for (json &size : sizes)
      add_rates(size, out["machine"]);
    out.update(sizes[0]);
    out["sizes"] = std::move(sizes);
    if (peer_)
      out["peer"] = "stable-diffusion.cpp of " + StableDiffusionCpp::version();
    return out;
  }

private:
  /// What is held now, from which on peaks are counted.
  static uint64_t forgotten_peak() {
    malloc_trim(0); // what earlier pictures left counts for none
    forget_peak();
    return peak_bytes();
  }

  /// Of a picture of the size that ours had.
  Parts paint_theirs(PaintRequest request, const Image &ours) {
    request.width = ours.width;
    request.height = ours.height;
    const int threads =
        options_.painter.threads > 0 ? options_.painter.threads : available_threads();
    machine_.take();
    const SdSeconds s = peer_->paint(folder_, painter_->info().precision, request, threads);
    return parts_of(s.encode, s.denoise, s.decode, request.steps);
  }

  json measure(const PaintRequest &request) {
    forgotten_peak();
    Painting last = painter_->paint(request);
    PartSamples ours, theirs, ratio;
    for (int64_t round = 1; round <= options_.rounds; ++round) {
      machine_.take();
      last = painter_->paint(request);
      Parts parts =
          parts_of(last.encode_seconds, last.denoise_seconds, last.decode_seconds, request.steps);
      add(ours, parts);
      if (peer_)
        for (const auto &[part, seconds] : paint_theirs(request, last.image)) {
          theirs[part].push_back(seconds);
          ratio[part].push_back(seconds / parts[part]);
        }
      bar_.update(++painted_);
    }
    const int passes = request.guidance > 1 ? 2 : 1;
    json out = spreads(ours);
    out.update(
        {{"width", last.image.width},
         {"height", last.image.height},
         {"peak_bytes", peak_bytes()},
         {"needed_bytes", last.needed_bytes},
         {"step_operations", passes * unet_operations(unet_, last.image.width / kPixelsOfALatent,
                                                      last.image.height / kPixelsOfALatent)}});
    if (peer_)
      out.update({{"theirs", spreads(theirs)}, {"ratio", spreads(ratio)}, {"goal", kGoal}});
    return out;
  }

  /// What a UNet whose step takes that long computes.
  static json unet_rates(double operations, const json &step, double peak) {
    const double rate = operations / step["median"].get<double>();
    return {{"unet_rate", rate}, {"unet_share", rate / peak}};
  }

  static void add_rates(json &size, const json &machine) {
    const std::string format = machine.contains("bfloat16") ? "bfloat16" : "float32";
    const double operations = size["step_operations"].get<double>();
    const double peak = machine[format]["median"].get<double>();
    size["share_of"] = format;
    size.update(unet_rates(operations, size["step"], peak));
    if (size.contains("theirs"))
      size["theirs"].update(unet_rates(operations, size["theirs"]["step"], peak));
  }

  const BenchPaintOptions &options_;
  MachineProbes machine_;
  ProgressBar bar_;
  int64_t painted_ = 0;
  std::string folder_;
  std::optional<StableDiffusionCpp> peer_;
  std::map<std::string, std::vector<int64_t>> unet_;
  double load_ = 0;
  std::unique_ptr<Painter> painter_;
};

std::string seconds_text(const json &spread) { return range_text(spread, 8, 3, " s"); }

std::string rate_text(const json &side, const json &size) {
  char text[96];
  std::snprintf(text, sizeof text, "%.1f GFLOP/s, %.0f %% of the machine's %s products",
                side["unet_rate"].get<double>() / 1e9, 100 * side["unet_share"].get<double>(),
                size["share_of"].get<std::string>().c_str());
  return text;
}

void print_size(const json &size) {
  const bool beside = size.contains("theirs");
  std::printf("%d x %d: peak memory %s, of which the picture was reckoned to take up to %s\n",
              size["width"].get<int>(), size["height"].get<int>(),
              gigabytes(size["peak_bytes"].get<uint64_t>()).c_str(),
              gigabytes(size["needed_bytes"].get<uint64_t>()).c_str());
  for (const std::string part : kPaintParts) {
    std::printf("  %-8s %s", part.c_str(), seconds_text(size[part]).c_str());
    if (beside) {
      std::printf("  theirs %s", seconds_text(size["theirs"][part]).c_str());
      std::printf("   x %s", range_text(size["ratio"][part], 0, 2).c_str());
      if (part == "picture")
        std::printf("   goal %.1f", size["goal"].get<double>());
    }
    std::printf("\n");
  }
  std::printf("  UNet: %.3g TFLOP a step, %s\n", size["step_operations"].get<double>() / 1e12,
              rate_text(size, size).c_str());
  if (beside)
    std::printf("  theirs: %s\n", rate_text(size["theirs"], size).c_str());
}

void print_paintings(const json &result) {
  std::printf(
      "%s in %s, %d steps; load %.2f s, then %s\n", result["model"].get<std::string>().c_str(),
      result["precision"].get<std::string>().c_str(), result["steps"].get<int>(),
      result["load"].get<double>(), gigabytes(result["loaded_bytes"].get<uint64_t>()).c_str());
  if (result.contains("peer"))
    std::printf("beside it %s, loading not counted\n", result["peer"].get<std::string>().c_str());
  for (const json &size : result["sizes"])
    print_size(size);
}

} // namespace

json bench_paint(const BenchPaintOptions &options) {
  json result = PaintBench(options).run();
  print_paintings(result);
  return result;
}

} // namespace vlm
