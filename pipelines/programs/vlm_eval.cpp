// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/cancel.h"
#include "model/core/environment.h"
#include "model/core/log.h"
#include "model/core/mapped_file.h"
#include "model/core/progress_bar.h"
#include "model/engine/model.h"
#include "model/training/scenes/evaluation_set.h"
#include "model/training/scenes/scorer.h"
#include "model/vision/image_file.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/eval_painter.h"
#include "pipelines/programs/score_plot.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

using namespace vlm;
namespace fs = std::filesystem;

constexpr const char *kAbout =
    R"(Measures a model on scenes.

commands:
  scenes   ask a model all questions of the given sets and print the table of scores
  make     write a set of new scenes with questions and expected answers
  painter  judge painted pictures by a model's answers (vlm-eval painter --help)

examples:
  vlm-eval make --categories sprites/categories.tsv --index sprites/heldout/index.tsv \
      --backgrounds sprites/heldout-backgrounds --style openmoji --pictures 200 --output sets/openmoji
  vlm-eval scenes --set openmoji=sets/openmoji --json scores.json --plot scores.png
  vlm-eval scenes --model vlm-tiny --set seen=sets/seen --set openmoji=sets/openmoji)";

struct Options {
  ModelOptions model;
  std::vector<std::pair<std::string, std::string>> sets; // column, folder
  std::string categories, index, style, backgrounds, json, plot, output, answers;
  int64_t limit = 0, pictures = 100, seed = 1, threads = 0, max_tokens = 60;
};

void add_set(Options &options, const std::string &given) {
  const size_t equals = given.find('=');
  if (equals == std::string::npos || equals == 0)
    fail(ErrorCategory::Settings, "--set: \"", given, "\" is not NAME=DIR");
  options.sets.emplace_back(given.substr(0, equals), given.substr(equals + 1));
}

/// Asks everything in one set; scores by phrasing as well where a set has several.
class Examination {
public:
  Examination(const Options &options, const Model &model, const scenes::Categories &categories,
              const CancelToken &cancel)
      : options_(options), model_(model), categories_(categories), cancel_(cancel) {}

  void take(const std::string &name, const std::string &folder);
  const std::map<std::string, scenes::Scores> &columns() const { return columns_; }

private:
  std::string ask(const scenes::EvaluationItem &item);
  const Image &picture(const std::string &path);

  const Options &options_;
  const Model &model_;
  const scenes::Categories &categories_;
  CancelToken cancel_;
  std::string path_; // of the last picture: sets ask several questions in a row about one
  Image image_;
  std::shared_ptr<PictureMemory> memory_;
  std::map<std::string, scenes::Scores> columns_;
};

const Image &Examination::picture(const std::string &path) {
  if (path != path_) {
    image_ = load_image(path);
    memory_ = std::make_shared<PictureMemory>();
    path_ = path;
  }
  return image_;
}

std::string Examination::ask(const scenes::EvaluationItem &item) {
  Request request;
  if (!item.image.empty()) {
    request.images.push_back(picture(item.image));
    request.memory = memory_;
  }
  request.question = item.expected.question;
  request.max_tokens = options_.max_tokens;
  request.cancel = cancel_;
  return model_.generate(request).text;
}

void Examination::take(const std::string &name, const std::string &folder) {
  auto items = scenes::read_evaluation_set(folder + "/questions.jsonl");
  if (options_.limit > 0 && items.size() > static_cast<size_t>(options_.limit))
    items.resize(static_cast<size_t>(options_.limit));
  std::ofstream answers;
  if (!options_.answers.empty())
    answers.open(options_.answers + "." + name + ".jsonl");
  std::map<std::string, scenes::Scorer> scorers;
  ProgressBar bar(name, "questions", static_cast<int64_t>(items.size()));
  int64_t done = 0;
  for (const scenes::EvaluationItem &item : items) {
    cancel_.check();
    const std::string text = ask(item);
    if (answers.is_open())
      answers << nlohmann::json{{"id", item.id}, {"text", text}}.dump() << "\n";
    for (const std::string &column : {name, name + ", " + item.phrasing})
      scorers.try_emplace(column, categories_).first->second.add(item.expected, text);
    bar.update(++done);
  }
  for (const auto &[column, scorer] : scorers)
    if (column == name || scorers.size() > 2)
      columns_[column] = scorer.scores();
}

int examine(Options &options, const CancelToken &cancel) {
  if (options.sets.empty())
    fail(ErrorCategory::Settings, "--set: name at least one set of questions (NAME=DIR)");
  if (options.categories.empty())
    fail(ErrorCategory::Settings, "--categories: name categories.tsv");
  options.model.threads = static_cast<int>(options.threads);
  const scenes::Categories categories(options.categories);
  const auto model = Model::load(options.model);
  Examination examination(options, *model, categories, cancel);
  for (const auto &[name, folder] : options.sets)
    examination.take(name, folder);
  std::cout << scenes::score_table(examination.columns());
  if (!options.json.empty())
    write_file(options.json, scenes::score_json(examination.columns()) + "\n");
  if (!options.plot.empty())
    plot_scores(examination.columns(), options.plot);
  return kDone;
}

int make(const Options &options) {
  if (options.categories.empty() || options.index.empty() || options.output.empty())
    fail(ErrorCategory::Settings, "make needs --categories, --index and --output");
  scenes::AssetPaths paths;
  paths.categories = options.categories;
  paths.sprite_index = options.index;
  paths.backgrounds = options.backgrounds;
  paths.selection.held_out = true;
  paths.held_out_fonts = true;
  if (!options.style.empty())
    paths.selection.only = {options.style};
  scenes::EvaluationOptions set;
  set.pictures = static_cast<int>(options.pictures);
  set.seed = static_cast<uint64_t>(options.seed);
  const scenes::Assets assets = scenes::load_assets(paths);
  if (assets.fonts.empty())
    fail(ErrorCategory::NotFound, paths.font_directories.front(),
         ": no font of the held-out family (Debian package fonts-freefont-ttf)");
  scenes::make_evaluation_set(assets, options.output, set);
  return kDone;
}

void declare(CommandLine &line, Options &options) {
  line.text("model", "DIR", "checkpoint directory (default: the embedded model)",
            &options.model.path);
  line.text("precision", "P", "auto, float32, bfloat16, int8, int4 (default auto)",
            &options.model.precision);
  line.text("device", "D", "cpu, cuda, cuda:N (default cpu)", &options.model.device);
  line.integer("threads", "N", "0: all that the process may use", &options.threads);
  line.repeated("set", "NAME=DIR", "a column of the table and its questions; repeatable",
                [&options](const std::string &given) { add_set(options, given); });
  line.text("categories", "FILE", "categories.tsv", &options.categories);
  line.integer("limit", "N", "questions a set, at most (default: all)", &options.limit);
  line.integer("max-tokens", "N", "longest answer (60)", &options.max_tokens);
  line.text("json", "FILE", "write the scores as JSON", &options.json);
  line.text("plot", "FILE", "draw the scores as PNG", &options.plot);
  line.text("answers", "PREFIX", "write answers to PREFIX.NAME.jsonl", &options.answers);
  line.text("index", "FILE", "make: index.tsv of a sprite pack", &options.index);
  line.text("style", "NAME", "make: only sprites of this source", &options.style);
  line.text("backgrounds", "DIR", "make: photographs behind the scenes", &options.backgrounds);
  line.integer("pictures", "N", "make: how many (100)", &options.pictures);
  line.integer("seed", "N", "make: of the scenes (1)", &options.seed);
  line.text("output", "DIR", "make: folder for the set", &options.output);
}

int main_program(int argc, char **argv) {
  Options options;
  CommandLine line("vlm-eval", "COMMAND [OPTION]...", kAbout);
  declare(line, options);
  const std::vector<std::string> operands = line.parse(argc, argv);
  if (operands.size() != 1)
    fail(ErrorCategory::Settings, "give one command: scenes or make (see --help)");
  const CancelToken cancel;
  cancel_on_signal(cancel);
  if (operands[0] == "scenes")
    return examine(options, cancel);
  if (operands[0] == "make")
    return make(options);
  fail(ErrorCategory::Settings, "unknown command \"", operands[0], "\" (see --help)");
}

} // namespace

int main(int argc, char **argv) {
  vlm::restart_prepared(argv);
  return vlm::run_program("vlm-eval", [&] {
    const bool painter = argc > 1 && std::string(argv[1]) == "painter";
    return painter ? vlm::eval_painter(argc - 1, argv + 1) : main_program(argc, argv);
  });
}
