// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/cancel.h"
#include "model/core/log.h"
#include "model/core/user_folders.h"
#include "model/training/export.h"
#include "model/training/scenes/contact_sheet.h"
#include "model/training/stage_run.h"
#include "model/training/worker_pool.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/train_painter.h"

#include <filesystem>
#include <iostream>
#include <string>

namespace {

using namespace vlm;

constexpr const char *kAbout =
    R"(Trains the embedded model from nothing on scenes that are composed as it goes.

commands:
  run         train a stage, or go on with it: 0 see, 1 align, 2 talk
  export      write a trained state as a checkpoint directory
  preview     draw a sheet of scenes as PNG
  painter     train the painter, which has options of its own (vlm-train painter --help)

examples:
  vlm-train run --stage 0 --pictures 170000 --cooldown 20000 --sprites ~/sprites
  vlm-train run --stage 2 --pictures 110000 --cooldown 50000 --sprites ~/sprites --tokenizer ~/tokenizer
  vlm-train export --stage 2 --tokenizer ~/tokenizer --output vlm-tiny

Interrupted with Ctrl-C it leaves a checkpoint; the same command goes on from there. A finished stage
goes on when asked for more pictures.)";

struct Options {
  RunOptions run;
  std::string sprites, tokenizer, validation_style = "fxemoji", output;
  int64_t stage = 0, seed = 1, workers = 2, loader_threads = 1, questions = 15;
};

std::shared_ptr<const scenes::Assets> assets(const Options &options, bool validation) {
  if (options.sprites.empty())
    fail(ErrorCategory::Settings, "--sprites: name the folder with the sprite pack");
  scenes::AssetPaths paths;
  paths.categories = options.sprites + "/categories.tsv";
  paths.sprite_index = options.sprites + "/train/index.tsv";
  paths.backgrounds = options.sprites + "/backgrounds";
  if (validation)
    paths.selection.only = {options.validation_style};
  else
    paths.selection.exclude = {options.validation_style};
  return std::make_shared<scenes::Assets>(scenes::load_assets(paths));
}

scenes::SceneMix mix_of(int64_t stage) {
  return stage == 0 ? scenes::SceneMix::Crowded : scenes::SceneMix::Talk;
}

SceneSource source(const Options &options, bool validation) {
  SceneSource out;
  out.assets = assets(options, validation);
  if (options.stage > 0)
    out.tokenizer = Tokenizer::load(options.tokenizer);
  out.mix = mix_of(options.stage);
  out.options.augment = !validation;
  out.questions = static_cast<int>(options.questions);
  out.seed = static_cast<uint64_t>(options.seed * 1000 + options.stage + (validation ? 500 : 0));
  return out;
}

int run(Options &options, const CancelToken &stop) {
  if (options.stage < 0 || options.stage > 2)
    fail(ErrorCategory::Settings, "--stage: ", options.stage, " is not one of 0, 1, 2");
  if (options.run.pictures <= 0)
    fail(ErrorCategory::Settings, "--pictures: say how many the stage is to see");
  options.run.stage = static_cast<int>(options.stage);
  options.run.workers = static_cast<int>(options.workers);
  options.run.loader_threads = static_cast<int>(options.loader_threads);
  const bool done = run_stage(options.run, source(options, false), source(options, true), stop);
  std::cerr << (done ? "stage is done\n" : "stopped; run the same command to go on\n");
  return kDone;
}

int preview(const Options &options) {
  scenes::ContactSheet sheet;
  sheet.mix = mix_of(options.stage);
  sheet.seed = static_cast<uint64_t>(options.seed);
  scenes::write_contact_sheet(*assets(options, false), sheet, options.output);
  return kDone;
}

/// Weights of the newest state of a stage.
int export_stage(const Options &options) {
  if (options.output.empty() || options.tokenizer.empty())
    fail(ErrorCategory::Settings, "export needs --output and --tokenizer");
  const std::string state = checkpoint_path(options.run.directory, static_cast<int>(options.stage));
  const TinyConfig config;
  ParameterStore parameters = initial_parameters(config, 0);
  load_parameters(parameters, state);
  export_checkpoint(parameters, config, options.tokenizer, options.output);
  return kDone;
}

void declare(CommandLine &line, Options &options) {
  line.text("sprites", "DIR", "sprite pack with its categories.tsv", &options.sprites);
  line.text("tokenizer", "DIR", "folder of tokenizer.model", &options.tokenizer);
  line.text("checkpoint-dir", "DIR", "states, log.jsonl and loss.png", &options.run.directory);
  line.integer("stage", "N", "0 see, 1 align, 2 talk", &options.stage);
  line.integer("pictures", "N", "of the stage, all sittings together", &options.run.pictures);
  line.integer("cooldown", "N", "the last so many at a falling rate", &options.run.cooldown);
  line.text("start", "FILE", "parameters to begin a stage with", &options.run.start);
  line.integer("seed", "N", "of parameters and scenes (1)", &options.seed);
  line.integer("workers", "N", "threads that compute (2)", &options.workers);
  line.integer("loader-threads", "N", "threads that draw scenes (1)", &options.loader_threads);
  line.integer("questions", "N", "a picture, at most (15)", &options.questions);
  line.text("validation-style", "NAME", "source that is never trained on (fxemoji)",
            &options.validation_style);
  line.integer("validate-every", "N", "pictures between validations (6400)",
               &options.run.validate_pictures);
  line.number("save-every", "SECONDS", "between checkpoints (180)", &options.run.save_seconds);
  line.text("output", "PATH", "export: directory; preview: PNG file", &options.output);
}

int main_program(int argc, char **argv) {
  Options options;
  options.run.directory = user_state_folder("train");
  CommandLine line("vlm-train", "COMMAND [OPTION]...", kAbout);
  declare(line, options);
  const std::vector<std::string> operands = line.parse(argc, argv);
  if (operands.size() != 1)
    fail(ErrorCategory::Settings, "give one command: run, export or preview (see --help)");
  set_log_sink([](LogLevel level, const std::string &text) {
    if (level != LogLevel::Debug)
      std::cerr << text << "\n";
  });
  const CancelToken stop;
  cancel_on_signal(stop);
  const std::string &command = operands[0];
  if (command == "run")
    return run(options, stop);
  if (command == "export")
    return export_stage(options);
  if (command == "preview")
    return preview(options);
  fail(ErrorCategory::Settings, "unknown command \"", command, "\" (see --help)");
}

} // namespace

int main(int argc, char **argv) {
  vlm::prepare_process();
  return vlm::run_program("vlm-train", [&] {
    const bool painter = argc > 1 && std::string(argv[1]) == "painter";
    return painter ? vlm::train_painter(argc - 1, argv + 1) : main_program(argc, argv);
  });
}
