// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/categories.h"
#include "model/training/scenes/sprites.h"
#include "model/training/scenes/words.h"
#include "model/vision/image.h"

#include <string>
#include <vector>

namespace vlm::scenes {

/// Where everything that scenes are made of lies.
struct AssetPaths {
  std::string categories;   ///< categories.tsv
  std::string sprite_index; ///< index.tsv of a pack
  SpriteSelection selection;
  std::string dictionary = "/usr/share/dict/american-english-small";
  std::vector<std::string> font_directories = {"/usr/share/fonts/truetype"};
  bool held_out_fonts = false; ///< the families for evaluation in place of those for training
  std::string backgrounds;     ///< folder of photographs, searched recursively; empty: none
};

/// Immutable once made: share it between threads.
struct Assets {
  Categories categories;
  Sprites sprites;
  Words words;
  std::vector<std::string> fonts; ///< files; empty: scenes have no signs
  std::vector<Image> photographs; ///< shorter side at most 320
};

Assets load_assets(const AssetPaths &paths);

/// Font files below the folders, sorted: of the families that may be trained on (DejaVu,
/// Liberation, Roboto, Lato, Open Sans), or of the one held out for evaluation (GNU FreeFont).
std::vector<std::string> find_fonts(const std::vector<std::string> &directories,
                                    bool held_out = false);

} // namespace vlm::scenes
