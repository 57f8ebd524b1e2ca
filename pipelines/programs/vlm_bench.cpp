// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures; prints a table, JSON with --json, a picture with --plot.
#include "pipelines/programs/bench_bars.h"
#include "pipelines/programs/bench_caption.h"
#include "pipelines/programs/bench_drafting.h"
#include "pipelines/programs/bench_paint.h"
#include "pipelines/programs/bench_peers.h"
#include "pipelines/programs/bench_quality.h"
#include "pipelines/programs/bench_questions.h"
#include "pipelines/programs/bench_rows.h"
#include "pipelines/programs/bench_shapes.h"
#include "pipelines/programs/bench_streams.h"
#include "pipelines/programs/bench_video.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/machine_probe.h"
#include "pipelines/programs/painting.h"
#include "pipelines/programs/picture_folder.h"

#include "model/core/environment.h"
#include "model/core/error.h"
#include "model/core/evenly.h"
#include "model/core/mapped_file.h"

#include <gst/gst.h>

#include <charconv>
#include <cstdio>
#include <iomanip>
#include <sstream>

namespace vlm {
namespace {

using nlohmann::json;

/// One command's own command line: the options that all have, and the checks of those that some
/// share. `argv` begins with the command's name.
class Arguments {
public:
  Arguments(int argc, char **argv, const char *about, bool drawn)
      : argc_(argc), argv_(argv), name_(argv[0]), drawn_(drawn),
        line_("vlm-bench " + name_, "[OPTION]...", about) {}

  CommandLine &line() { return line_; }

  /// A checkpoint; parse() makes it where it is the name of a shape.
  void model(std::string *path, std::string *precision, const char *precisions) {
    *path = "MGM-2B";
    model_ = path;
    line_.text("model", "DIR|SHAPE",
               "checkpoint directory, or a shape that is made once in the cache (MGM-2B)", path);
    line_.text("precision", "P", precisions, precision);
  }
  void device(std::string *name) {
    line_.text("device", "D", "where the model computes: cpu, cuda, cuda:N (cpu)", name);
  }
  void positive(const char *name, const char *help, int64_t *value) {
    line_.integer(name, "N", help, value);
    positive_.push_back({name, value});
  }

  void parse() {
    line_.text("json", "FILE", "write the figures there, too", &json_);
    if (drawn_)
      line_.text("plot", "FILE.png", "draw them as bars", &plot_);
    if (!line_.parse(argc_, argv_).empty())
      fail(ErrorCategory::Settings, name_, " takes options only (see --help)");
    for (const auto &[name, value] : positive_)
      if (*value < 1)
        fail(ErrorCategory::Settings, "--", name, " ", *value, ": at least 1");
    if (model_)
      *model_ = bench_model(*model_);
  }

  void write(const json &figures, Bars (*bars)(const json &)) const {
    if (!json_.empty())
      write_file(json_, figures.dump(2) + '\n');
    if (!plot_.empty())
      plot_bars(bars(figures), 0, plot_);
  }

private:
  int argc_;
  char **argv_;
  std::string name_, json_, plot_, *model_ = nullptr;
  bool drawn_;
  CommandLine line_;
  std::vector<std::pair<const char *, const int64_t *>> positive_;
};

constexpr const char *kOnePrecision = "as vlm-ask knows them (auto)";

std::vector<std::string> split(const std::string &list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string each; std::getline(in, each, ',');)
    parts.push_back(each);
  return parts;
}

/// "1,2,4": numbers from 1 to 64.
std::vector<int64_t> numbers(const char *option, const std::string &list) {
  std::vector<int64_t> out;
  for (const std::string &part : split(list)) {
    const char *end = part.data() + part.size();
    int64_t number = 0;
    const auto [used, error] = std::from_chars(part.data(), end, number);
    if (error != std::errc() || used != end || number < 1 || number > 64)
      fail(ErrorCategory::Settings, "--", option, " ", list,
           ": numbers from 1 to 64 with commas between");
    out.push_back(number);
  }
  if (out.empty())
    fail(ErrorCategory::Settings, "--", option, " is empty");
  return out;
}

json video(Arguments &arguments) {
  BenchVideoOptions o;
  arguments.model(&o.model, &o.precision, kOnePrecision);
  arguments.line().number("seconds", "S", "of each run (10)", &o.seconds);
  arguments.positive("rounds", "each runs both sides in turn (3)", &o.rounds);
  arguments.parse();
  if (!(o.seconds >= .5 && o.seconds <= 3600))
    fail(ErrorCategory::Settings, "--seconds ", o.seconds, ": 0.5 to 3600");
  return bench_video(o);
}

json streams(Arguments &arguments) {
  BenchStreamsOptions o;
  std::string counts = "1,2,4,8";
  arguments.model(&o.model, &o.precision, kOnePrecision);
  arguments.device(&o.device);
  arguments.line().text("streams", "N,N...", "how many at a time (1,2,4,8)", &counts);
  arguments.positive("captions", "of each stream (2)", &o.captions);
  arguments.positive("max-tokens", "of each caption (40)", &o.max_tokens);
  arguments.parse();
  o.streams = numbers("streams", counts);
  return bench_streams(o);
}

json drafting(Arguments &arguments) {
  BenchDraftingOptions o;
  o.video = VLM_SAMPLE;
  CommandLine &line = arguments.line();
  line.text("model", "DIR",
            "checkpoint directory; random weights repeat nothing (the embedded model)", &o.model);
  line.text("precision", "P", kOnePrecision, &o.precision);
  line.text("file", "VIDEO", "what is captioned (the sample)", &o.video);
  line.flag("still", "color bars with a patch of noise instead: a scene that stays as it is",
            &o.still);
  line.number("interval", "S", "of video between captions (0.2)", &o.interval);
  line.text("prompt", "TEXT", "what is asked (Describe this image.)", &o.prompt);
  line.text("reuse", "WHAT",
            "compared with none, as vlmcaption knows it: draft, draft+prefix (draft)", &o.reuse);
  arguments.positive("captions", "of each run, at most (60)", &o.captions);
  arguments.positive("max-tokens", "of each caption (40)", &o.max_tokens);
  arguments.positive("rounds", "each runs both sides in turn (3)", &o.rounds);
  arguments.parse();
  if (!(o.interval >= 0 && o.interval <= 3600))
    fail(ErrorCategory::Settings, "--interval ", o.interval, ": 0 to 3600");
  return bench_drafting(o);
}

json captions_of(Arguments &arguments, void (*print)(const json &)) {
  BenchCaptionOptions o;
  std::string precisions = "auto";
  arguments.model(&o.model, &precisions, "one or several with commas between (auto)");
  arguments.device(&o.device);
  arguments.line().integer("threads", "N", "0: all that the process may use (0)", &o.threads);
  arguments.line().integer("idle", "S", "seconds without work before a last caption (none)",
                           &o.idle);
  arguments.positive("max-tokens", "of each caption (40)", &o.max_tokens);
  arguments.positive("rounds", "each lets every precision caption one picture (3)", &o.rounds);
  arguments.parse();
  o.precisions = split(precisions);
  if (o.precisions.empty())
    fail(ErrorCategory::Settings, "--precision is empty");
  if (o.idle < 0 || o.idle > 3600)
    fail(ErrorCategory::Settings, "--idle ", o.idle, ": 0 to 3600");
  const json figures = bench_caption(o);
  print(figures);
  return figures;
}

json caption(Arguments &arguments) { return captions_of(arguments, print_captions); }
json stages(Arguments &arguments) { return captions_of(arguments, print_stages); }

json rows(Arguments &arguments) {
  int64_t rounds = 15;
  int threads = 0;
  arguments.positive("rounds", "each does every number of rows (15)", &rounds);
  arguments.line().integer("threads", "N", "0: all that the process may use (0)", &threads);
  arguments.parse();
  return bench_rows(rounds, threads);
}

json questions(Arguments &arguments) {
  BenchQuestionsOptions o;
  std::string counts = "1,2,4,8";
  arguments.model(&o.model, &o.precision, kOnePrecision);
  arguments.device(&o.device);
  arguments.line().text("questions", "N,N...", "how many about one picture (1,2,4,8)", &counts);
  arguments.positive("max-tokens", "of each answer (40)", &o.max_tokens);
  arguments.positive("rounds", "each runs both sides in turn (3)", &o.rounds);
  arguments.parse();
  o.counts = numbers("questions", counts);
  return bench_questions(o);
}

std::vector<std::function<Image()>> some_pictures_in(const std::string &folder) {
  constexpr const char *kOption = "--pictures";
  const std::vector<std::function<Image()>> all = pictures_in(folder, kOption);
  if (all.empty())
    fail(ErrorCategory::NotFound, kOption, ": ", folder, ": holds no pictures");
  std::vector<std::function<Image()>> some;
  for (const size_t place : evenly(all.size(), 64))
    some.push_back(all[place]);
  return some;
}

json quality(Arguments &arguments) {
  BenchQualityOptions o;
  std::string precisions = "float32,bfloat16,int8,int4", folder, text;
  int64_t threads = 0;
  CommandLine &line = arguments.line();
  line.text("model", "DIR", "checkpoint directory (the embedded model)", &o.model);
  line.text("precision", "P,P...",
            "the first is what others are compared with (" + precisions + ")", &precisions);
  line.text("pictures", "DIR", "up to 64 of a folder (four that are drawn)", &folder);
  line.text("text", "FILE", "is read instead, and perplexity is told; for text models, too", &text);
  line.text("prompt", "TEXT", "what is asked (Describe this image.)", &o.question);
  line.integer("threads", "N", "0: all that the process may use (0)", &threads);
  arguments.positive("max-tokens", "of each answer (40)", &o.max_tokens);
  arguments.parse();
  if (!text.empty() && (o.text = read_file(text)).empty())
    fail(ErrorCategory::Data, "--text: ", text, " is empty");
  o.threads = static_cast<int>(threads);
  o.precisions = split(precisions);
  if (o.precisions.size() < 2)
    fail(ErrorCategory::Settings, "--precision ", precisions, ": at least two are compared");
  if (!folder.empty())
    o.pictures = some_pictures_in(folder);
  return bench_quality(o);
}

json peers(Arguments &arguments) {
  BenchPeersOptions o;
  std::string precisions = "bfloat16,int8,int4";
  arguments.model(&o.model, &precisions, "one or several with commas between (all of them)");
  arguments.line().integer("threads", "N", "0: all that the process may use (0)", &o.threads);
  arguments.positive("tokens-in", "of the prompt (640)", &o.tokens_in);
  arguments.positive("tokens-out", "of the answer (32)", &o.tokens_out);
  arguments.positive("rounds", "each runs both sides in turn (3)", &o.rounds);
  arguments.parse();
  o.precisions = split(precisions);
  if (o.precisions.empty())
    fail(ErrorCategory::Settings, "--precision is empty");
  return bench_peers(o);
}

json paint(Arguments &arguments) {
  BenchPaintOptions o;
  PaintRequest request;
  std::string sizes;
  request.prompt = "a red bird on a green table";
  request.steps = 4;
  CommandLine &line = arguments.line();
  line.text("painter", "DIR",
            std::string("SDXL directory in diffusers layout, or ") + kPainterShape +
                ": its shape with random weights (the embedded painter)",
            &o.painter.path);
  line.text("precision", "P", "auto, float32, bfloat16 (auto)", &o.painter.precision);
  line.integer("threads", "N", "0: all that the process may use (0)", &o.painter.threads);
  add_denoising_options(line, request);
  line.text("size", "WxH,WxH...", "of pictures, multiples of 8 (the painter's)", &sizes);
  arguments.positive("rounds", "a picture of each size (3)", &o.rounds);
  line.flag("peer", "stable-diffusion.cpp, built here once, paints in turn; SDXL's shape only",
            &o.peer);
  arguments.parse();
  for (const std::string &size : split(sizes)) {
    o.requests.push_back(request);
    read_size(size, o.requests.back());
  }
  if (o.requests.empty())
    o.requests.push_back(request);
  o.painter.path = bench_painter(o.painter.path);
  for (const PaintRequest &each : o.requests)
    check_painting("--painter", o.painter, each);
  return bench_paint(o);
}

json make(Arguments &arguments) {
  ShapeOptions o;
  std::string output;
  std::string names;
  for (const std::string &name : shape_names())
    names += name + ", ";
  names += kPainterShape;
  arguments.line().text("shape", "NAME", names + " (MGM-2B)", &o.shape);
  arguments.line().integer("layers", "N", "of the decoder, to fit this machine (all)", &o.layers);
  arguments.line().text("output", "DIR", "what is made", &output);
  arguments.parse();
  if (output.empty())
    fail(ErrorCategory::Settings, "--output: name the directory to make");
  o.output = output;
  make_shape(o);
  return {{"shape", o.shape}, {"layers", o.layers}, {"output", output}};
}

struct Command {
  const char *name, *about;
  json (*run)(Arguments &arguments);
  Bars (*bars)(const json &figures); ///< what --plot draws
};

constexpr Command kCommands[] = {
    {"make", "write a checkpoint of a released model's shape with random weights", make, nullptr},
    {"stages", "what each stage of a caption takes, by precision", stages, stage_bars},
    {"caption", "what a whole caption takes, by precision: after loading, and from then on",
     caption, caption_bars},
    {"rows", "what products of several rows cost beside one row's", rows, rows_bars},
    {"questions", "what several questions about one picture take, together and each alone",
     questions, question_bars},
    {"streams", "what several streams get from one model, and whether answers stay the same",
     streams, stream_bars},
    {"drafting", "what foretelling answers from earlier ones gains on a video file", drafting,
     drafting_bars},
    {"quality", "what other precisions make of one's answers", quality, quality_bars},
    {"peers", "what llama.cpp, built here once, makes of the same shape and work", peers,
     peer_bars},
    {"paint", "what the parts of a painted picture take", paint, paint_bars},
    {"video", "what live 1080p60 video loses to a captioner that is always busy", video,
     video_bars}};

std::string about() {
  std::ostringstream out;
  out << "Measures this machine.\n\ncommands:\n";
  for (const Command &command : kCommands)
    out << "  " << std::left << std::setw(12) << command.name << command.about << "\n";
  out << "\nexamples:\n"
         "  vlm-bench stages --model MGM-2B --precision bfloat16,int8,int4\n"
         "  vlm-bench caption --model MGM-2B --precision int8,int4 --idle 300\n"
         "  vlm-bench streams --streams 1,2,4,8 --captions 4\n"
         "  vlm-bench paint --painter SDXL --size 512x512,768x768,1024x1024\n"
         "  vlm-bench drafting --file street.mp4 --interval 1 --captions 100\n"
         "  vlm-bench video --model MGM-2B --precision int8 --json video.json\n\n"
         "vlm-bench COMMAND --help tells a command's options.";
  return out.str();
}

const Command &command_of(int argc, char **argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  for (const Command &command : kCommands)
    if (name == command.name)
      return command;
  CommandLine("vlm-bench", "COMMAND [OPTION]...", about()).parse(argc, argv); // --help
  fail(ErrorCategory::Settings,
       name.empty() ? "which command? (see --help)" : "unknown command " + name + " (see --help)");
}

int run(int argc, char **argv) {
  const Command &command = command_of(argc, argv);
  Arguments arguments(argc - 1, argv + 1, command.about, command.bars != nullptr);
  gst_init(nullptr, nullptr);
  const json figures = command.run(arguments);
  if (const auto machine = figures.find("machine"); machine != figures.end())
    std::printf("%s\n", machine_line(*machine).c_str());
  arguments.write(figures, command.bars);
  return kDone;
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  vlm::restart_prepared(argv);
  return vlm::run_program("vlm-bench", [&] { return vlm::run(argc, argv); });
}
