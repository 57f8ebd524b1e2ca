// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/sprites.h"

#include "model/core/digest.h"
#include "model/core/error.h"
#include "model/training/scenes/table.h"

#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <filesystem>
#include <map>

namespace vlm::scenes {
namespace {

constexpr int opaque = 128;
constexpr int smallest_level = 20; // longer side

struct Extent {
  int x0, y0, x1, y1;
};

/// Of the pixels that are visible at all.
Extent visible_extent(int width, int height, const std::vector<uint8_t> &rgba) {
  Extent extent{width, height, 0, 0};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      if (rgba[static_cast<size_t>((y * width + x) * 4 + 3)] > 24) {
        extent.x0 = std::min(extent.x0, x);
        extent.y0 = std::min(extent.y0, y);
        extent.x1 = std::max(extent.x1, x + 1);
        extent.y1 = std::max(extent.y1, y + 1);
      }
  return extent;
}

SpriteLevel crop(int width, const std::vector<uint8_t> &rgba, const Extent &extent, bool mono) {
  SpriteLevel level;
  level.width = extent.x1 - extent.x0;
  level.height = extent.y1 - extent.y0;
  level.channels = mono ? 1 : 4;
  level.pixels.resize(static_cast<size_t>(level.width * level.height * level.channels));
  uint8_t *to = level.pixels.data();
  for (int y = extent.y0; y < extent.y1; ++y)
    for (int x = extent.x0; x < extent.x1; ++x) {
      const uint8_t *p = &rgba[static_cast<size_t>((y * width + x) * 4)];
      for (int c = 0; c < 3 && !mono; ++c)
        *to++ = static_cast<uint8_t>((p[c] * p[3] + 127) / 255);
      *to++ = p[3];
    }
  return level;
}

SpriteLevel halve(const SpriteLevel &from) {
  SpriteLevel to;
  to.width = (from.width + 1) / 2;
  to.height = (from.height + 1) / 2;
  to.channels = from.channels;
  to.pixels.resize(static_cast<size_t>(to.width * to.height * to.channels));
  for (int y = 0; y < to.height; ++y)
    for (int x = 0; x < to.width; ++x)
      for (int c = 0; c < to.channels; ++c) {
        int sum = 2; // beyond an odd edge there is nothing: transparent
        for (int k = 0; k < 4; ++k) {
          const int sx = 2 * x + k % 2, sy = 2 * y + k / 2;
          if (sx < from.width && sy < from.height)
            sum += from.pixels[static_cast<size_t>((sy * from.width + sx) * from.channels + c)];
        }
        to.pixels[static_cast<size_t>((y * to.width + x) * to.channels + c)] =
            static_cast<uint8_t>(sum / 4);
      }
  return to;
}

std::vector<uint8_t> read_rgba(const std::string &path, int &width, int &height) {
  const cv::Mat picture = cv::imread(path, cv::IMREAD_UNCHANGED);
  if (picture.empty() || picture.type() != CV_8UC4)
    fail(ErrorCategory::Unreadable, path, ": not a readable 8-bit picture with alpha");
  width = picture.cols;
  height = picture.rows;
  std::vector<uint8_t> rgba(picture.datastart, picture.dataend);
  for (size_t i = 0; i < rgba.size(); i += 4)
    std::swap(rgba[i], rgba[i + 2]);
  return rgba;
}

bool contains(const std::vector<std::string> &list, const std::string &name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool selected(const SpriteSelection &selection, const std::string &source) {
  return !contains(selection.exclude, source) &&
         (selection.only.empty() || contains(selection.only, source));
}

} // namespace

bool is_held_out(const std::string &name) {
  int rest = 0;
  for (const char digit : sha256(name))
    rest = (rest * 16 + (digit <= '9' ? digit - '0' : digit - 'a' + 10)) % 10;
  return rest == 7;
}

Color dominant_color(const uint8_t *rgba, int pixels, int step) {
  std::array<int, color_classes> counts{};
  int total = 0;
  for (int i = 0; i < pixels; i += step) {
    const uint8_t *p = rgba + static_cast<ptrdiff_t>(i) * 4;
    if (p[3] < opaque)
      continue;
    ++total;
    const auto straight = [&](int c) {
      return static_cast<uint8_t>(std::min(255, (p[c] * 255 + p[3] / 2) / p[3]));
    };
    ++counts[static_cast<size_t>(classify({straight(0), straight(1), straight(2)}))];
  }
  const auto most = std::max_element(counts.begin(), counts.begin() + color_count);
  if (total == 0 || *most * 10 < total * 6)
    return Color::None;
  return static_cast<Color>(most - counts.begin());
}

Sprite make_sprite(int width, int height, const std::vector<uint8_t> &rgba, bool mono) {
  const Extent extent = visible_extent(width, height, rgba);
  if (extent.x1 == 0)
    fail(ErrorCategory::Data, "a sprite of ", width, "x", height, " has no visible pixel");
  Sprite sprite;
  sprite.mono = mono;
  sprite.levels.push_back(crop(width, rgba, extent, mono));
  const SpriteLevel &first = sprite.levels.front();
  if (!mono)
    sprite.color = dominant_color(first.pixels.data(), first.width * first.height, 3);
  while (std::max(sprite.levels.back().width, sprite.levels.back().height) > smallest_level)
    sprite.levels.push_back(halve(sprite.levels.back()));
  return sprite;
}

Sprites::Sprites(const std::string &index, const Categories &categories,
                 const SpriteSelection &selection) {
  namespace fs = std::filesystem;
  const Table table(index);
  const fs::path folder = fs::absolute(index).parent_path();
  std::map<std::string, int> sources;
  for (size_t row = 0; row < table.rows(); ++row) {
    const std::string &source = table.cell(row, "source");
    const fs::path above = folder.parent_path() / table.cell(row, "path");
    const fs::path path = fs::exists(above) ? above : folder / table.cell(row, "path");
    if (!selected(selection, source) ||
        (!selection.held_out && table.cell(row, "split") == "heldout"))
      continue;
    const int category = categories.find(table.cell(row, "category"));
    if (category < 0)
      fail(ErrorCategory::Format, table.place(row), ": unknown category \"",
           table.cell(row, "category"), '"');
    int width = 0, height = 0;
    const std::vector<uint8_t> rgba = read_rgba(path.string(), width, height);
    Sprite sprite = make_sprite(width, height, rgba, table.cell(row, "kind") == "mono");
    sprite.category = category;
    sprite.source = sources.emplace(source, static_cast<int>(sources.size())).first->second;
    sprites_.push_back(std::move(sprite));
  }
  if (sprites_.empty())
    fail(ErrorCategory::Format, index, ": no sprite is selected");
  sources_.resize(sources.size());
  for (const auto &[source, number] : sources)
    sources_[static_cast<size_t>(number)] = source;
  arrange(categories.size());
}

Sprites::Sprites(std::vector<Sprite> sprites, std::vector<std::string> sources, int category_count)
    : sprites_(std::move(sprites)), sources_(std::move(sources)) {
  arrange(category_count);
}

void Sprites::arrange(int category_count) {
  by_source_.resize(static_cast<size_t>(category_count));
  for (int category = 0; category < category_count; ++category) {
    std::map<int, std::vector<int>> sources;
    for (int i = 0; i < size(); ++i)
      if ((*this)[i].category == category)
        sources[(*this)[i].source].push_back(i);
    for (auto &entry : sources)
      by_source_[static_cast<size_t>(category)].push_back(std::move(entry.second));
    if (!sources.empty())
      categories_.push_back(category);
  }
}

const std::vector<std::vector<int>> &Sprites::by_source(int category) const {
  return by_source_[static_cast<size_t>(category)];
}

size_t Sprites::bytes() const {
  size_t sum = 0;
  for (const Sprite &sprite : sprites_)
    for (const SpriteLevel &level : sprite.levels)
      sum += level.pixels.size();
  return sum;
}

} // namespace vlm::scenes
