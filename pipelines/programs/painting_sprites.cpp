// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/painting_sprites.h"

namespace vlm {

void declare(CommandLine &line, PaintingSprites &sprites) {
  line.text("sprites", "DIR", "sprite pack with its categories.tsv", &sprites.directory);
  line.text("exclude", "NAME", "source of sprites to leave out (fxemoji)", &sprites.exclude);
  line.repeated("style", "NAME", "source of sprites to take; may be repeated (all)",
                [&sprites](const std::string &name) { sprites.styles.push_back(name); });
}

scenes::Assets load(const PaintingSprites &sprites) {
  scenes::AssetPaths paths;
  paths.categories = sprites.directory + "/categories.tsv";
  paths.sprite_index = sprites.directory + "/train/index.tsv";
  if (!sprites.exclude.empty())
    paths.selection.exclude = {sprites.exclude};
  paths.selection.only = sprites.styles;
  paths.font_directories.clear(); // there are no signs
  return scenes::load_assets(paths);
}

} // namespace vlm
