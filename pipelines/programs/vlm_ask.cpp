// SPDX-License-Identifier: LGPL-2.1-or-later
// One question about pictures, or a batch of them.
#include "model/core/environment.h"
#include "model/core/log.h"
#include "model/core/progress_bar.h"
#include "model/engine/model.h"
#include "model/engine/ocr.h"
#include "model/vision/image_file.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/line_batch.h"
#include "pipelines/programs/painting.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <functional>
#include <iostream>
#include <poll.h>
#include <unistd.h>

namespace vlm {
namespace {

using nlohmann::json;

constexpr const char *kUsage =
    "[OPTION...] QUESTION [IMAGE...]\n       vlm-ask [OPTION...] --batch FILE.jsonl";
constexpr const char *kAbout =
    "Asks a Mini-Gemini model one question about the given pictures (none: text only) and prints\n"
    "its answer. Without --model the embedded model answers.\n"
    "\n"
    "  vlm-ask \"What is in the picture?\" photo.jpg\n"
    "  vlm-ask --model MGM-2B --temperature 0.2 \"Compare them.\" a.png b.png\n"
    "  vlm-ask --turn \"What is it?=A red bird.\" \"Where does it sit?\" bird.png\n"
    "  vlm-ask --generate \"Draw this scene at night.\" photo.jpg\n"
    "  vlm-ask --painter sdxl --paint night.png --generate \"Draw this at night.\" photo.jpg\n"
    "  ls *.jpg | jq -cR '{id: ., images: [.], question: \"Caption this.\"}' | vlm-ask --batch -";

struct Options {
  ModelOptions model;
  Request request; // what all questions have in common
  bool as_json = false;
  bool verbose = false;
  std::string batch;
  std::string paint; // file of the picture that the answer's prompt becomes; empty: none
  PainterOptions painter;
  PaintRequest picture;
  std::vector<std::string> operands;
};

std::string read_file(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    fail(ErrorCategory::NotFound, path, ": cannot be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

void add_turn(Request &request, const std::string &turn) {
  const size_t equals = turn.find('=');
  if (equals == std::string::npos)
    fail(ErrorCategory::Settings, "--turn: \"", turn, "\" is not QUESTION=ANSWER");
  request.turns.push_back({turn.substr(0, equals), turn.substr(equals + 1)});
}

// Before the model answers for nothing.
void check_paint(Options &o) {
  if (o.paint.empty() && !o.painter.path.empty())
    fail(ErrorCategory::Settings, "--painter goes with --paint FILE");
  if (o.paint.empty())
    return;
  if (!o.batch.empty())
    fail(ErrorCategory::Settings, "--paint does not go with --batch");
  check_png("--paint", o.paint);
  check_writable("--paint", o.paint);
  o.painter.threads = o.model.threads;
  o.picture.seed = o.request.sampling.seed;
  o.picture.keep_loaded = false; // the text encoders: there is one picture
  check_painting("--painter", o.painter, o.picture);
}

Options parse(int argc, char **argv) {
  Options o;
  CommandLine line("vlm-ask", kUsage, kAbout);
  line.text("model", "DIR", "checkpoint directory (default: the embedded model)", &o.model.path);
  line.text("precision", "P", "auto, float32, bfloat16, int8, int4 (default auto)",
            &o.model.precision);
  line.text("device", "D", "cpu, cuda, cuda:N (default cpu)", &o.model.device);
  line.integer("threads", "N", "0: all that the process may use (default 0)", &o.model.threads);
  line.integer("max-tokens", "N", "longest answer (default 512)", &o.request.max_tokens);
  line.number("temperature", "T", "0: greedy (default 0)", &o.request.sampling.temperature);
  line.integer("top-k", "K", "0: no limit (default 50)", &o.request.sampling.top_k);
  line.number("top-p", "P", "in (0, 1] (default 1)", &o.request.sampling.top_p);
  line.integer("seed", "S", "of the sampler and of the painter (default 0)",
               &o.request.sampling.seed);
  line.text("template", "NAME", "conversation template (default: the checkpoint's)",
            &o.request.template_name);
  line.repeated("system", "TEXT", "instead of the template's system text",
                [&](const std::string &text) { o.request.system = text; });
  line.repeated("turn", "QUESTION=ANSWER", "an earlier turn; may be given several times",
                [&](const std::string &turn) { add_turn(o.request, turn); });
  line.flag("generate", "ask for a generation prompt (appends <GEN>)", &o.request.generate);
  line.text("paint", "FILE", "paint the generation prompt into FILE (PNG), on the CPU", &o.paint);
  line.text("painter", "DIR",
            "SDXL directory in diffusers layout, for --paint (default: the embedded painter)",
            &o.painter.path);
  add_painting_options(line, o.picture);
  line.flag("ocr", "read the text in the pictures and add it to the question", &o.request.ocr);
  line.repeated("json-schema", "FILE", "the answer is JSON that fits this JSON Schema",
                [&](const std::string &path) { o.request.json_schema = read_file(path); });
  line.repeated(
      "reuse", "WHAT",
      "what a batch does not do again: none, or some of draft+prefix+vision+batch (default all)",
      [&](const std::string &names) { o.request.reuse = parse_reuse(names); });
  line.flag("json", "print one JSON object", &o.as_json);
  line.text("dump", "FILE", "write intermediate tensors as safetensors", &o.request.dump_path);
  line.text("batch", "FILE", "JSON lines {\"id\",\"images\",\"question\"}; - is standard input",
            &o.batch);
  line.flag("verbose", "tell what is loaded and ignored", &o.verbose);
  o.operands = line.parse(argc, argv);
  if (o.batch.empty() == o.operands.empty())
    fail(ErrorCategory::Settings, "give either a QUESTION or --batch (see --help)");
  if (!o.batch.empty() && !o.request.dump_path.empty())
    fail(ErrorCategory::Settings, "--dump does not go with --batch");
  check_paint(o);
  if (o.request.ocr)
    check_ocr();
  if (o.request.ocr && o.operands.size() == 1)
    fail(ErrorCategory::Settings, "--ocr reads text in pictures: give an IMAGE");
  return o;
}

Request make_request(const Options &o, const std::string &question,
                     const std::vector<std::string> &paths) {
  Request request = o.request;
  request.question = question;
  for (const std::string &path : paths)
    request.images.push_back(load_image(path));
  return request;
}

std::string dump_line(const json &object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result ask(const Model &model, const Options &o) {
  Request request = make_request(o, o.operands[0], {o.operands.begin() + 1, o.operands.end()});
  const bool stream = !o.as_json && isatty(STDOUT_FILENO);
  if (stream)
    request.on_text = [](const std::string &text) { std::cout << text << std::flush; };
  const Result result = model.generate(request);
  if (o.as_json)
    std::cout << dump_line(to_json(result, model.info())) << "\n";
  else
    std::cout << (stream ? "" : result.text) << "\n";
  if (!o.as_json && result.truncated_positions > 0)
    std::cerr << "vlm-ask: the question is too long for the model: its last "
              << result.truncated_positions << " positions were cut off\n";
  return result;
}

int paint(const Options &o, const Result &answer) {
  if (answer.generation_prompt.empty())
    fail(ErrorCategory::Data, "--paint: the answer holds no generation prompt (--generate asks ",
         "for one): ", o.paint, " is not written");
  PaintRequest request = o.picture;
  request.prompt = answer.generation_prompt;
  const auto painter = load_painter(o.painter, o.request.cancel);
  ProgressBar bar("painting", "steps", request.steps);
  bar.update(0);
  const Painting painting = painter->paint(request, o.request.cancel,
                                           [&](const PaintStep &done) { bar.update(done.step); });
  bar.clear();
  save_png(o.paint, painting.image);
  tell_cut("vlm-ask", request, painting);
  return kDone;
}

int64_t count_lines(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    fail(ErrorCategory::NotFound, path, ": cannot be opened");
  int64_t count = 0;
  for (std::string line; std::getline(file, line);)
    count += !line.empty();
  return count;
}

/// Where lines come from; `waits` tells whether reading another would wait for somebody to write
/// it.
struct LineSource {
  std::istream &in;
  std::function<bool()> waits;
};

int answer_lines(const Model &model, const Options &o, const LineSource &source,
                 const std::function<void(int64_t)> &answered) {
  LineBatch batch(model, [&o](const std::string &question, const auto &images) {
    return make_request(o, question, images);
  });
  bool failed = false, more = true;
  int64_t count = 0;
  while (more || !batch.empty()) {
    if (more && !batch.full() && (batch.empty() || !source.waits())) {
      std::string line;
      more = static_cast<bool>(std::getline(source.in, line));
      if (!line.empty())
        batch.add(line);
    } else {
      batch.advance();
    }
    while (const auto out = batch.next()) {
      failed = failed || out->contains("error");
      std::cout << dump_line(*out) << std::endl;
      answered(++count);
    }
  }
  o.request.cancel.check(); // an interrupted read looks like the end
  return failed ? kFailed : kDone;
}

bool stdin_waits() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return std::cin.rdbuf()->in_avail() <= 0 && poll(&input, 1, 0) == 0;
}

// On a terminal the answers themselves show how far it is.
int ask_batch(const Model &model, const Options &o) {
  if (o.batch == "-")
    return answer_lines(model, o, {std::cin, stdin_waits}, [](int64_t) {});
  ProgressBar bar("answering", "questions", count_lines(o.batch));
  const bool shown = !isatty(STDOUT_FILENO);
  std::ifstream file(o.batch);
  return answer_lines(model, o, {file, [] { return false; }}, [&](int64_t count) {
    if (shown)
      bar.update(count);
  });
}

std::shared_ptr<const Model> load_model(const Options &o) {
  ProgressBar bar("loading", "%", 100);
  const auto model = Model::load(
      o.model, [&](double share) { bar.update(static_cast<int64_t>(100 * share)); },
      o.request.cancel);
  bar.clear();
  return model;
}

int run(int argc, char **argv) {
  const Options o = parse(argc, argv);
  set_log_sink([&](LogLevel level, const std::string &line) {
    if (o.verbose || level <= LogLevel::Warning)
      std::cerr << "vlm-ask: " << line << "\n";
  });
  cancel_on_signal(o.request.cancel);
  auto model = load_model(o);
  if (!o.batch.empty())
    return ask_batch(*model, o);
  const Result answer = ask(*model, o);
  model.reset(); // both together may be too large for the machine
  if (answer.stop_reason == StopReason::Cancelled)
    return kFailed;
  return o.paint.empty() ? kDone : paint(o, answer);
}

} // namespace
} // namespace vlm

int main(int argc, char **argv) {
  vlm::restart_prepared(argv);
  return vlm::run_program("vlm-ask", [&] { return vlm::run(argc, argv); });
}
