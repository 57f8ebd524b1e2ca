// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_paint.h"

#include "model/compute/threads.h"
#include "model/core/machine.h"
#include "model/core/progress_bar.h"
#include "model/core/stopwatch.h"
#include "pipelines/programs/machine_probe.h"

#include <cstdio>

namespace vlm {
namespace {

using nlohmann::json;

void print(const json &result) {
  std::printf("%s\n", machine_line(result["machine"], result["threads"].get<int>()).c_str());
  std::printf(
      "%s in %s, %d x %d, %d steps; load %.2f s\n", result["model"].get<std::string>().c_str(),
      result["precision"].get<std::string>().c_str(), result["width"].get<int>(),
      result["height"].get<int>(), result["steps"].get<int>(), result["load"].get<double>());
  for (const char *part : {"encode", "step", "decode", "picture"})
    std::printf("  %-8s %8.3f s (%.3f to %.3f)\n", part, result[part]["median"].get<double>(),
                result[part]["min"].get<double>(), result[part]["max"].get<double>());
}

} // namespace

json bench_paint(const BenchPaintOptions &options) {
  const int threads = options.painter.threads > 0 ? options.painter.threads : available_threads();
  double load = 0;
  std::unique_ptr<Painter> painter;
  {
    const Stopwatch watch(load);
    painter = Painter::open(options.painter);
  }
  Painting last = painter->paint(options.request);
  MachineProbes machine;
  std::map<std::string, Samples> samples;
  ProgressBar bar("painting", "pictures", options.rounds);
  for (int64_t round = 1; round <= options.rounds; ++round) {
    set_threads(threads);
    machine.take(threads);
    last = painter->paint(options.request);
    samples["encode"].push_back(last.encode_seconds);
    samples["step"].push_back(last.denoise_seconds / static_cast<double>(options.request.steps));
    samples["decode"].push_back(last.decode_seconds);
    samples["picture"].push_back(last.encode_seconds + last.denoise_seconds + last.decode_seconds);
    bar.update(round);
  }
  bar.clear();
  json result = spreads(samples);
  result.update({{"model", painter->info().name},
                 {"precision", painter->info().precision},
                 {"width", last.image.width},
                 {"height", last.image.height},
                 {"steps", options.request.steps},
                 {"threads", threads},
                 {"load", load},
                 {"machine", machine.figures()}});
  print(result);
  return result;
}

} // namespace vlm
