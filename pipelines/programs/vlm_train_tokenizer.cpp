// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/tokenizer_training.h"
#include "pipelines/programs/command_line.h"

namespace {

using namespace vlm;

constexpr const char *kAbout =
    R"(Makes the embedded model's vocabulary from the questions and answers of composed scenes:
tokenizer.model and tokenizer_config.json. The vocabulary belongs to the weights: a model that is
trained with one is of no use with another.

example:
  vlm-train-tokenizer --sprites ~/sprites --output ~/tokenizer)";

int main_program(int argc, char **argv) {
  std::string sprites, output;
  int64_t scene_count = 12000, pieces = 1280, seed = 1;
  CommandLine line("vlm-train-tokenizer", "--sprites DIR --output DIR [OPTION]...", kAbout);
  line.text("sprites", "DIR", "sprite pack with its categories.tsv", &sprites);
  line.text("output", "DIR", "folder for the two files", &output);
  line.integer("scenes", "N", "scenes to learn from (12000)", &scene_count);
  line.integer("pieces", "N", "size of the vocabulary (1280)", &pieces);
  line.integer("seed", "N", "of the scenes (1)", &seed);
  if (!line.parse(argc, argv).empty() || sprites.empty() || output.empty())
    fail(ErrorCategory::Settings,
         "--sprites and --output are needed, and nothing else (see --help)");
  scenes::AssetPaths paths;
  paths.categories = sprites + "/categories.tsv";
  paths.sprite_index = sprites + "/train/index.tsv";
  train_tokenizer(scenes::load_assets(paths), static_cast<int>(scene_count),
                  static_cast<int>(pieces), static_cast<uint64_t>(seed), output);
  return kDone;
}

} // namespace

int main(int argc, char **argv) {
  return vlm::run_program("vlm-train-tokenizer", [&] { return main_program(argc, argv); });
}
