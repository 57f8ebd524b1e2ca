// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures; prints a table, and JSON with --json.
#include "pipelines/programs/bench_video.h"
#include "pipelines/programs/command_line.h"

#include "model/core/error.h"

#include <gst/gst.h>

#include <fstream>

namespace vlm {
namespace {

struct Options {
  BenchVideoOptions video;
  std::string json;
};

void write(const nlohmann::json &result, const std::string &path) {
  std::ofstream file(path);
  file << result.dump(2) << '\n';
  if (!file.flush())
    fail(ErrorCategory::Failed, path, ": cannot be written");
}

void check(const BenchVideoOptions &video) {
  if (video.rounds < 1)
    fail(ErrorCategory::Settings, "--rounds ", video.rounds, ": at least 1");
  if (!(video.seconds >= .5 && video.seconds <= 3600))
    fail(ErrorCategory::Settings, "--seconds ", video.seconds, ": 0.5 to 3600");
}

int run(int argc, char **argv) {
  Options options;
  CommandLine line(
      "vlm-bench", "COMMAND [OPTION]...",
      "Measures this machine.\n\n"
      "commands:\n"
      "  video       what live 1080p60 video loses to a captioner that is always busy\n\n"
      "examples:\n"
      "  vlm-bench video --seconds 10 --rounds 3\n"
      "  vlm-bench video --model MGM-2B --precision bfloat16 --json video.json\n");
  line.text("model", "DIR", "checkpoint directory (the embedded model)", &options.video.model);
  line.text("precision", "P", "auto, float32, bfloat16 (auto)", &options.video.precision);
  line.number("seconds", "S", "of each run (10)", &options.video.seconds);
  line.integer("rounds", "N", "each runs both sides in turn (3)", &options.video.rounds);
  line.text("json", "FILE", "write the figures there, too", &options.json);
  const std::vector<std::string> operands = line.parse(argc, argv);
  if (operands.size() != 1 || operands[0] != "video")
    fail(ErrorCategory::Settings,
         operands.empty() ? "which command?" : "unknown command " + operands[0]);
  check(options.video);
  gst_init(&argc, &argv);
  const nlohmann::json result = bench_video(options.video);
  if (!options.json.empty())
    write(result, options.json);
  return kDone;
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  return vlm::run_program("vlm-bench", [&] { return vlm::run(argc, argv); });
}
