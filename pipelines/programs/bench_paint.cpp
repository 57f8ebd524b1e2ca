// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_paint.h"

#include "model/core/machine.h"
#include "model/core/progress_bar.h"
#include "model/core/stopwatch.h"
#include "model/weights/model_folder.h"
#include "pipelines/programs/machine_probe.h"
#include "pipelines/programs/peak_memory.h"
#include "pipelines/programs/unet_work.h"

#include <cstdio>
#include <malloc.h>

namespace vlm {
namespace {

using nlohmann::json;

constexpr int kPixelsOfALatent = 8;

class PaintBench {
public:
  explicit PaintBench(const BenchPaintOptions &options)
      : options_(options), machine_(options.painter.threads),
        bar_("painting", "pictures",
             options.rounds * static_cast<int64_t>(options.requests.size())) {
    const PainterOptions resolved = Painter::resolve(options.painter);
    const ModelFolder unet(resolved.path + "/unet");
    for (const std::string &name : unet.names())
      unet_[name] = unet.shape(name);
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
      size.update(unet_rates(size, out));
    out.update(sizes[0]);
    out["sizes"] = std::move(sizes);
    return out;
  }

private:
  /// What is held now, from which on peaks are counted.
  static uint64_t forgotten_peak() {
    malloc_trim(0); // what earlier pictures left counts for none
    forget_peak();
    return peak_bytes();
  }

  json measure(const PaintRequest &request) {
    forgotten_peak();
    Painting last = painter_->paint(request);
    std::map<std::string, Samples> samples;
    for (int64_t round = 1; round <= options_.rounds; ++round) {
      machine_.take();
      last = painter_->paint(request);
      samples["encode"].push_back(last.encode_seconds);
      samples["step"].push_back(last.denoise_seconds / static_cast<double>(request.steps));
      samples["decode"].push_back(last.decode_seconds);
      samples["picture"].push_back(last.encode_seconds + last.denoise_seconds +
                                   last.decode_seconds);
      bar_.update(++painted_);
    }
    const int passes = request.guidance > 1 ? 2 : 1;
    json out = spreads(samples);
    out.update(
        {{"width", last.image.width},
         {"height", last.image.height},
         {"peak_bytes", peak_bytes()},
         {"step_operations", passes * unet_operations(unet_, last.image.width / kPixelsOfALatent,
                                                      last.image.height / kPixelsOfALatent)}});
    return out;
  }

  static json unet_rates(const json &size, const json &all) {
    const double rate =
        size["step_operations"].get<double>() / size["step"]["median"].get<double>();
    const json &machine = all["machine"];
    const std::string format = machine.contains("bfloat16") ? "bfloat16" : "float32";
    return {{"unet_rate", rate},
            {"share_of", format},
            {"unet_share", rate / machine[format]["median"].get<double>()}};
  }

  const BenchPaintOptions &options_;
  MachineProbes machine_;
  ProgressBar bar_;
  int64_t painted_ = 0;
  std::map<std::string, std::vector<int64_t>> unet_;
  double load_ = 0;
  std::unique_ptr<Painter> painter_;
};

void print_size(const json &size) {
  std::printf("%d x %d: peak memory %s\n", size["width"].get<int>(), size["height"].get<int>(),
              gigabytes(size["peak_bytes"].get<uint64_t>()).c_str());
  for (const char *part : {"encode", "step", "decode", "picture"})
    std::printf("  %-8s %8.3f s (%.3f to %.3f)\n", part, size[part]["median"].get<double>(),
                size[part]["min"].get<double>(), size[part]["max"].get<double>());
  std::printf("  UNet: %.3g TFLOP a step, %.1f GFLOP/s, %.0f %% of the machine's %s products\n",
              size["step_operations"].get<double>() / 1e12, size["unet_rate"].get<double>() / 1e9,
              100 * size["unet_share"].get<double>(), size["share_of"].get<std::string>().c_str());
}

void print_paintings(const json &result) {
  std::printf(
      "%s in %s, %d steps; load %.2f s, then %s\n", result["model"].get<std::string>().c_str(),
      result["precision"].get<std::string>().c_str(), result["steps"].get<int>(),
      result["load"].get<double>(), gigabytes(result["loaded_bytes"].get<uint64_t>()).c_str());
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
