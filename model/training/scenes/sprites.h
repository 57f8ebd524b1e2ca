// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/categories.h"
#include "model/training/scenes/color.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vlm::scenes {

/// One size of a sprite: premultiplied RGBA, or alpha alone for a one-color icon. Rows without
/// padding.
struct SpriteLevel {
  int width = 0, height = 0, channels = 4; ///< channels: 4 or 1
  std::vector<uint8_t> pixels;
};

struct Sprite {
  int category = 0;
  int source = 0;                  ///< number of its source (style), see Sprites::sources()
  bool mono = false;               ///< an icon without color of its own
  Color color = Color::None;       ///< name of at least 60 % of the opaque pixels
  std::vector<SpriteLevel> levels; ///< as stored, then halved until the longer side is about 20
};

struct SpriteSelection {
  std::vector<std::string> exclude; ///< sources to leave out
  std::vector<std::string> only;    ///< when not empty: the only sources to take
  bool held_out = false;            ///< also lines whose split is "heldout": for evaluation only
};

/// All sprites of a pack, cropped to their opaque extent, in memory. Immutable: share it between
/// threads.
class Sprites {
public:
  /// `index`: tab-separated, with a header that names at least path, category, source, kind and
  /// split; paths are relative to its folder or to the one above.  Error naming file and line for
  /// an unknown category, an unreadable picture, or when nothing is left.
  Sprites(const std::string &index, const Categories &categories,
          const SpriteSelection &selection = {});
  /// From memory, for tests.
  Sprites(std::vector<Sprite> sprites, std::vector<std::string> sources, int category_count);

  int size() const { return static_cast<int>(sprites_.size()); }
  const Sprite &operator[](int sprite) const { return sprites_[static_cast<size_t>(sprite)]; }
  const std::vector<std::string> &sources() const { return sources_; }
  /// Sprites of one category grouped by source, so that a source with many pictures does not hide
  /// the others: by_source(c)[k] are the sprite numbers of one source. Empty when there is none.
  const std::vector<std::vector<int>> &by_source(int category) const;
  /// Categories that have at least one sprite.
  const std::vector<int> &categories() const { return categories_; }
  size_t bytes() const; ///< of pixels

private:
  void arrange(int category_count);

  std::vector<Sprite> sprites_;
  std::vector<std::string> sources_;
  std::vector<std::vector<std::vector<int>>> by_source_;
  std::vector<int> categories_;
};

/// A sprite from straight RGBA (width * height * 4 bytes): crops, premultiplies, makes the levels
/// and finds the color.
Sprite make_sprite(int width, int height, const std::vector<uint8_t> &rgba, bool mono);

/// The name of at least 60 % of the opaque pixels, from every `step`-th of `pixels` premultiplied
/// RGBA.
Color dominant_color(const uint8_t *rgba, int pixels, int step);

/// sha256(name), read as one big-endian integer, is 7 modulo 10: the rule for stamps and words.
bool is_held_out(const std::string &name);

} // namespace vlm::scenes
