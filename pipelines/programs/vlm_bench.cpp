// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures; prints a table, and JSON with --json.
#include "pipelines/programs/bench_drafting.h"
#include "pipelines/programs/bench_streams.h"
#include "pipelines/programs/bench_video.h"
#include "pipelines/programs/command_line.h"

#include "model/core/environment.h"
#include "model/core/error.h"

#include <gst/gst.h>

#include <fstream>
#include <sstream>

namespace vlm {
namespace {

struct Options {
  BenchVideoOptions video;
  BenchStreamsOptions streams;
  BenchDraftingOptions drafting;
  int64_t captions = 0; // 0: as many as the command thinks right
  std::string json;
};

void write(const nlohmann::json &result, const std::string &path) {
  std::ofstream file(path);
  file << result.dump(2) << '\n';
  if (!file.flush())
    fail(ErrorCategory::Failed, path, ": cannot be written");
}

void check(const Options &options) {
  if (options.video.rounds < 1)
    fail(ErrorCategory::Settings, "--rounds ", options.video.rounds, ": at least 1");
  if (!(options.video.seconds >= .5 && options.video.seconds <= 3600))
    fail(ErrorCategory::Settings, "--seconds ", options.video.seconds, ": 0.5 to 3600");
  if (options.captions < 0)
    fail(ErrorCategory::Settings, "--captions ", options.captions, ": at least 1");
  if (!(options.drafting.interval >= 0 && options.drafting.interval <= 3600))
    fail(ErrorCategory::Settings, "--interval ", options.drafting.interval, ": 0 to 3600");
  if (options.streams.max_tokens < 1)
    fail(ErrorCategory::Settings, "--max-tokens ", options.streams.max_tokens, ": at least 1");
}

/// What the commands have in common.
void share(Options &options) {
  options.streams.model = options.drafting.model = options.video.model;
  options.streams.precision = options.drafting.precision = options.video.precision;
  options.drafting.rounds = options.video.rounds;
  options.drafting.max_tokens = options.streams.max_tokens;
  if (options.captions > 0)
    options.streams.captions = options.drafting.captions = options.captions;
}

nlohmann::json measure(const std::string &command, const Options &options) {
  if (command == "video")
    return bench_video(options.video);
  return command == "streams" ? bench_streams(options.streams) : bench_drafting(options.drafting);
}

std::vector<int64_t> counts_of(const std::string &list) {
  std::vector<int64_t> counts;
  std::istringstream in(list);
  for (std::string each; std::getline(in, each, ',');) {
    size_t used = 0;
    int64_t count = 0;
    try {
      count = std::stoll(each, &used);
    } catch (const std::exception &) {
      used = 0;
    }
    if (used != each.size() || count < 1 || count > 64)
      fail(ErrorCategory::Settings, "--streams ", list,
           ": numbers from 1 to 64 with commas between");
    counts.push_back(count);
  }
  if (counts.empty())
    fail(ErrorCategory::Settings, "--streams is empty");
  return counts;
}

int run(int argc, char **argv) {
  Options options;
  options.drafting.video = VLM_SAMPLE;
  std::string streams = "1,2,4,8";
  CommandLine line(
      "vlm-bench", "COMMAND [OPTION]...",
      "Measures this machine.\n\n"
      "commands:\n"
      "  video       what live 1080p60 video loses to a captioner that is always busy\n"
      "  streams     what several streams get from one model, and whether answers stay the same\n"
      "  drafting    what foretelling answers from earlier ones gains on a video file, likewise\n\n"
      "examples:\n"
      "  vlm-bench video --seconds 10 --rounds 3\n"
      "  vlm-bench video --model MGM-2B --precision bfloat16 --json video.json\n"
      "  vlm-bench streams --streams 1,2,4,8 --captions 4\n"
      "  vlm-bench drafting --file street.mp4 --interval 1 --captions 100\n");
  line.text("model", "DIR", "checkpoint directory (the embedded model)", &options.video.model);
  line.text("precision", "P", "as vlm-ask knows them (auto)", &options.video.precision);
  line.number("seconds", "S", "of each run of video (10)", &options.video.seconds);
  line.integer("rounds", "N", "of video and drafting: each runs both sides in turn (3)",
               &options.video.rounds);
  line.text("streams", "N,N...", "how many at a time (1,2,4,8)", &streams);
  line.integer("captions", "N", "of each stream (2); of each run of drafting, at most (60)",
               &options.captions);
  line.integer("max-tokens", "N", "of each caption of streams and drafting (40)",
               &options.streams.max_tokens);
  line.text("file", "VIDEO", "that drafting captions (the sample)", &options.drafting.video);
  line.number("interval", "S", "of video between captions of drafting (0.2)",
              &options.drafting.interval);
  line.text("prompt", "TEXT", "of drafting (Describe this image.)", &options.drafting.prompt);
  line.text("reuse", "WHAT", "that drafting compares with none, as vlmcaption knows it (draft)",
            &options.drafting.reuse);
  line.text("json", "FILE", "write the figures there, too", &options.json);
  const std::vector<std::string> operands = line.parse(argc, argv);
  const std::string command = operands.size() == 1 ? operands[0] : "";
  if (command != "video" && command != "streams" && command != "drafting")
    fail(ErrorCategory::Settings,
         operands.empty() ? "which command?" : "unknown command " + operands[0]);
  options.streams.streams = counts_of(streams);
  check(options);
  share(options);
  gst_init(&argc, &argv);
  const nlohmann::json result = measure(command, options);
  if (!options.json.empty())
    write(result, options.json);
  return kDone;
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  vlm::restart_prepared(argv);
  return vlm::run_program("vlm-bench", [&] { return vlm::run(argc, argv); });
}
