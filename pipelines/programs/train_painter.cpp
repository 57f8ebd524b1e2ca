// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/train_painter.h"

#include "model/core/log.h"
#include "model/core/user_folders.h"
#include "model/training/painter/painter_folder.h"
#include "model/training/painter/painter_run.h"
#include "model/training/painter/painter_trainer.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/painting_sprites.h"

#include <iostream>
#include <map>

namespace vlm {
namespace {

constexpr const char *kAbout =
    R"(Trains vlm-tiny-diffusion, a small SDXL, on scenes that are composed as it goes: from nothing, or
from a painter that there is.

commands:
  vae         train the autoencoder, or go on with it
  unet        train UNet and text encoders on its latents, or go on with them
  decoder     train the autoencoder's decoder alone, or go on with it: the UNet stays as it is
  export      write all as a directory that vlm-paint reads

examples:
  vlm-train painter vae --pictures 20000 --cooldown 6000 --sprites ~/sprites --eyes vlm-tiny
  vlm-train painter unet --pictures 600000 --cooldown 150000 --sprites ~/sprites
  vlm-train painter decoder --pictures 20000 --cooldown 6000 --sprites ~/sprites --eyes vlm-tiny
  vlm-train painter export --output vlm-tiny-diffusion

  vlm-train painter vae --start vlm-tiny-diffusion --pictures 0 --sprites ~/sprites
  vlm-train painter unet --start vlm-tiny-diffusion --pictures 100000 --cooldown 50000 \
      --rate 0.0005 --style twemoji --style noto --sprites ~/sprites

Interrupted with Ctrl-C it leaves its state; the same command goes on from there. A finished stage
goes on when asked for more pictures. The UNet's latents belong to the VAE that made them: after more
training of the VAE, take away the folders latents and validation-latents and the states of UNet and
decoder.)";

struct Options {
  PainterRun run;
  PaintingSprites sprites;
  std::string output;
  uint64_t seed = 1;
};

PaintingSource source(const Options &options) {
  if (options.sprites.directory.empty())
    fail(ErrorCategory::Settings, "--sprites: name the folder with the sprite pack");
  PaintingSource out;
  out.assets = std::make_shared<scenes::Assets>(load(options.sprites));
  out.image_size = PainterSizes().image_size;
  out.seed = options.seed;
  return out;
}

using Stage = bool (*)(const PainterRun &, const PaintingSource &, const CancelToken &);
const std::map<std::string, Stage> kStages = {
    {"vae", run_painter_vae}, {"unet", run_painter_unet}, {"decoder", run_painter_decoder}};

int run_stage(const Options &options, Stage stage, const CancelToken &stop) {
  const PainterRun &run = options.run;
  if (run.pictures < 0 || (run.pictures == 0 && run.start.empty()))
    fail(ErrorCategory::Settings, "--pictures: say how many the stage is to see");
  if (run.batch < 1 || run.workers < 1 || run.loader_threads < 1 || run.scenes < 1)
    fail(ErrorCategory::Settings, "--batch, --workers, --loader-threads, --scenes: at least 1");
  bool done = false;
  try {
    done = stage(run, source(options), stop);
  } catch (const Error &error) {
    if (error.category() != ErrorCategory::Cancelled)
      throw;
  }
  std::cerr << (done ? "stage is done\n" : "stopped; run the same command to go on\n");
  return kDone;
}

int export_model(const Options &options) {
  if (options.output.empty())
    fail(ErrorCategory::Settings, "export needs --output");
  const std::string &directory = options.run.directory;
  const PainterSizes sizes;
  ParameterStore vae = initial_vae(sizes, 0), unet = initial_unet(sizes, 0);
  load_autoencoder(vae, directory);
  const double scaling_factor =
      load_average(unet, painter_state(directory, "unet")).more.value("scaling_factor", 1.);
  export_painter(vae, unet, sizes, scaling_factor, directory, options.output);
  return kDone;
}

void declare(CommandLine &line, Options &options) {
  PainterRun &run = options.run;
  declare(line, options.sprites);
  line.text("checkpoint-dir", "DIR", "states, latents, log.jsonl and loss.png", &run.directory);
  line.integer("pictures", "N", "of the stage, all sittings together", &run.pictures);
  line.integer("cooldown", "N", "the last so many at a falling rate", &run.cooldown);
  line.integer("batch", "N", "pictures a step (32)", &run.batch);
  line.number("rate", "R", "peak learning rate (0.001)", &run.rate);
  line.text("eyes", "DIR", "vae, decoder: vlm-tiny, whose ConvNeXt compares pictures", &run.eyes);
  line.text("start", "DIR", "vae, unet: begin with this painter's; 0 pictures take it as it is",
            &run.start);
  line.integer("scenes", "N", "unet: whose latents are cached (65536)", &run.scenes);
  line.integer("seed", "N", "of parameters and scenes (1)", &options.seed);
  line.integer("workers", "N", "threads that compute (2)", &run.workers);
  line.integer("loader-threads", "N", "threads that draw scenes (1)", &run.loader_threads);
  line.integer("validate-every", "N", "pictures between validations (6400)",
               &run.validate_pictures);
  line.number("save-every", "SECONDS", "between checkpoints (180)", &run.save_seconds);
  line.text("output", "DIR", "export: directory in diffusers layout", &options.output);
}

} // namespace

int train_painter(int argc, char **argv) {
  Options options;
  options.run.directory = user_state_folder("painter");
  CommandLine line("vlm-train painter", "COMMAND [OPTION]...", kAbout);
  declare(line, options);
  const std::vector<std::string> operands = line.parse(argc, argv);
  const std::string command = operands.size() == 1 ? operands[0] : "";
  if (command != "export" && !kStages.count(command))
    fail(ErrorCategory::Settings, "give one command: vae, unet, decoder or export (see --help)");
  if (!options.run.start.empty() && command != "vae" && command != "unet")
    fail(ErrorCategory::Settings, "--start: ", options.run.start, ": ", command,
         " takes what vae and unet made");
  set_log_sink([](LogLevel level, const std::string &text) {
    if (level != LogLevel::Debug)
      std::cerr << text << "\n";
  });
  const CancelToken stop;
  cancel_on_signal(stop);
  return command == "export" ? export_model(options)
                             : run_stage(options, kStages.at(command), stop);
}

} // namespace vlm
