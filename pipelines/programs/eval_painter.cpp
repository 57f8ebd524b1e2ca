// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/eval_painter.h"

#include "model/core/cancel.h"
#include "model/core/mapped_file.h"
#include "model/core/progress_bar.h"
#include "model/engine/model.h"
#include "model/generation/autoencoder.h"
#include "model/training/scenes/painter_scorer.h"
#include "model/training/scenes/painting.h"
#include "pipelines/programs/command_line.h"
#include "pipelines/programs/painting_sprites.h"
#include "pipelines/programs/score_plot.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <iostream>

namespace vlm {
namespace {

constexpr const char *kAbout =
    R"(Has a painter paint prompts that were never trained on, asks a model about the pictures, and
prints how often it finds what was asked for: objects, colors, positions. Beside it stand the same
questions about the composed scenes that the prompts come from (real, what a perfect painter would
reach), about those scenes through the painter's autoencoder alone (reconstructed, what a perfect UNet
would reach), and about each picture by another picture's prompt (shuffled, what chance reaches).

example:
  vlm-eval painter --painter vlm-tiny-diffusion --sprites ~/sprites --pictures 200 \
      --json painter.json --sheet painter.png)";

constexpr int kSheetPictures = 32, kSheetColumns = 8;

struct Options {
  PainterOptions painter;
  ModelOptions model;
  PaintRequest request;
  PaintingSprites sprites;
  std::string json, plot, sheet;
  int pictures = 100;
  uint64_t seed = 1000;
};

/// Answers about one picture; it is looked at once.
scenes::PainterScorer::Ask about(const Model &model, const Image &picture,
                                 const CancelToken &cancel) {
  Request request;
  request.images = {picture};
  request.memory = std::make_shared<PictureMemory>();
  request.max_tokens = 60;
  request.cancel = cancel;
  return [&model, request](const std::string &question) {
    Request asked = request;
    asked.question = question;
    return model.generate(asked).text;
  };
}

/// Pictures in a grid with their prompts below, in lines of as many letters as fit.
void write_sheet(const std::vector<Image> &pictures, const std::vector<std::string> &prompts,
                 const std::string &path) {
  constexpr int kMargin = 8, kLine = 13, kLines = 3;
  constexpr size_t kLetters = 22;
  const int side = pictures[0].width;
  const int cell_width = side + kMargin, cell_height = side + kMargin + kLine * kLines;
  const int count = static_cast<int>(pictures.size());
  cv::Mat sheet((count + kSheetColumns - 1) / kSheetColumns * cell_height + kMargin,
                kSheetColumns * cell_width + kMargin, CV_8UC3, cv::Scalar(255, 255, 255));
  for (int i = 0; i < count; ++i) {
    const Image &picture = pictures[static_cast<size_t>(i)];
    const cv::Point at(kMargin + i % kSheetColumns * cell_width,
                       kMargin + i / kSheetColumns * cell_height);
    const cv::Mat from(picture.height, picture.width, CV_8UC3,
                       const_cast<uint8_t *>(picture.rgb.data()));
    cv::cvtColor(from, sheet(cv::Rect(at.x, at.y, side, picture.height)), cv::COLOR_RGB2BGR);
    const std::string &prompt = prompts[static_cast<size_t>(i)];
    for (int line = 0; line < kLines && line * kLetters < prompt.size(); ++line)
      cv::putText(sheet, prompt.substr(line * kLetters, kLetters),
                  {at.x, at.y + side + kLine * (line + 1) - 2}, cv::FONT_HERSHEY_SIMPLEX, .33,
                  {0, 0, 0}, 1, cv::LINE_AA);
  }
  if (!cv::imwrite(path, sheet))
    fail(ErrorCategory::Unreadable, path, ": cannot be written");
}

void report(const std::map<std::string, scenes::Scores> &columns, const Options &options) {
  std::cout << scenes::score_table(columns);
  if (!options.json.empty())
    write_file(options.json, scenes::score_json(columns) + "\n");
  if (!options.plot.empty())
    plot_scores(columns, options.plot);
}

int judge(const Options &options, const CancelToken &cancel) {
  const scenes::Assets all = load(options.sprites);
  scenes::SceneMaker maker(all, scenes::painting_options());
  const auto painter = Painter::open(options.painter, {}, cancel);
  const auto autoencoder = Autoencoder::open(options.painter);
  const auto model = Model::load(options.model, {}, cancel);
  const int side = painter->info().default_size;
  std::vector<scenes::PromptedScene> wanted;
  for (int i = 0; i < options.pictures; ++i)
    wanted.push_back(scenes::make_painting(maker, all, options.seed, static_cast<uint64_t>(i),
                                           /*held_out=*/true));
  scenes::PainterScorer painted(all.categories), reconstructed(all.categories),
      real(all.categories), shuffled(all.categories);
  std::vector<Image> sheet;
  std::vector<std::string> prompts;
  ProgressBar bar("painting", "pictures", options.pictures);
  for (size_t i = 0; i < wanted.size(); ++i) {
    PaintRequest request = options.request;
    request.prompt = wanted[i].prompt;
    request.seed = i;
    const Image picture = painter->paint(request, cancel).image;
    const auto ask = about(*model, picture, cancel);
    painted.add(wanted[i].scene, ask);
    shuffled.add(wanted[(i + 1) % wanted.size()].scene, ask);
    const Image scene = scenes::shrunk(wanted[i].scene.image, side);
    real.add(wanted[i].scene, about(*model, scene, cancel));
    reconstructed.add(wanted[i].scene, about(*model, autoencoder->reconstruct(scene), cancel));
    if (sheet.size() < kSheetPictures) {
      sheet.push_back(picture);
      prompts.push_back(wanted[i].prompt);
    }
    bar.update(static_cast<int64_t>(i) + 1);
  }
  bar.clear();
  report({{"painted", painted.scores()},
          {"real", real.scores()},
          {"reconstructed", reconstructed.scores()},
          {"shuffled", shuffled.scores()}},
         options);
  if (!options.sheet.empty())
    write_sheet(sheet, prompts, options.sheet);
  return kDone;
}

} // namespace

int eval_painter(int argc, char **argv) {
  Options options;
  CommandLine line("vlm-eval painter", "--painter DIR --sprites DIR [OPTION]...", kAbout);
  line.text("painter", "DIR", "SDXL directory in diffusers layout", &options.painter.path);
  declare(line, options.sprites);
  line.text("model", "DIR", "checkpoint that judges (default: the embedded model)",
            &options.model.path);
  line.integer("pictures", "N", "prompts to paint, with seeds from 0 on (100)", &options.pictures);
  line.integer("seed", "N", "of the prompts (1000)", &options.seed);
  line.integer("steps", "N", "denoising steps (default 50)", &options.request.steps);
  line.number("guidance", "G", "how closely to follow the prompt (default 5)",
              &options.request.guidance);
  line.text("json", "FILE", "write the scores as JSON", &options.json);
  line.text("plot", "FILE", "draw the scores as PNG", &options.plot);
  line.text("sheet", "FILE", "write the pictures of seeds 0 to 31 as PNG", &options.sheet);
  if (!line.parse(argc, argv).empty() || options.painter.path.empty() ||
      options.sprites.directory.empty())
    fail(ErrorCategory::Settings,
         "--painter and --sprites are needed, and options alone (see --help)");
  if (options.pictures < 1)
    fail(ErrorCategory::Settings, "--pictures is ", options.pictures, ", must be at least 1");
  const CancelToken cancel;
  cancel_on_signal(cancel);
  return judge(options, cancel);
}

} // namespace vlm
