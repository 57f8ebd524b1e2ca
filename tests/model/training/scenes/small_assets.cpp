// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model/training/scenes/small_assets.h"

#include <stdlib.h>

#include <fstream>

namespace vlm::test {

using namespace scenes;

Categories small_categories() {
  return Categories(std::vector<Category>{{"dog", "dogs", "animal", NounKind::Count},
                                          {"apple", "apples", "food", NounKind::Count},
                                          {"hot dog", "hot dogs", "food", NounKind::Count},
                                          {"bread", "bread", "food", NounKind::MassSingular},
                                          {"grapes", "grapes", "food", NounKind::MassPlural},
                                          {"fish", "fish", "animal", NounKind::Count},
                                          {"cat", "cats", "animal", NounKind::Count}});
}

std::vector<uint8_t> disc(int side, Rgb color, bool hollow) {
  std::vector<uint8_t> rgba(static_cast<size_t>(side * side) * 4);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const double dx = x + .5 - side / 2.0, dy = y + .5 - side / 2.0, d = dx * dx + dy * dy;
      const double radius = side / 2.0 - 4;
      if (d > radius * radius || (hollow && d < radius * radius * .6))
        continue;
      uint8_t *p = &rgba[static_cast<size_t>(y * side + x) * 4];
      p[0] = color.r;
      p[1] = color.g;
      p[2] = color.b;
      p[3] = 255;
    }
  return rgba;
}

const Assets &small_assets() {
  static const Assets assets = [] {
    constexpr Rgb colors[] = {{217, 27, 27},  {40, 160, 40}, {40, 80, 199}, {240, 218, 36},
                              {117, 50, 166}, {115, 69, 34}, {242, 121, 24}};
    std::vector<Sprite> sprites;
    for (int i = 0; i < 14; ++i) {
      const bool mono = i >= 7;
      sprites.push_back(make_sprite(120, 120, disc(120, colors[i % 7], mono), mono));
      sprites.back().category = i % 7;
      sprites.back().source = mono ? 1 : 0;
    }
    Categories categories = small_categories();
    Sprites pack(std::move(sprites), {"discs", "rings"}, categories.size());
    Words words = split_words({"stop", "exit", "taxi", "bus", "hotel", "open", "sale", "water",
                               "north", "danger", "road", "park", "bank", "cafe", "music"});
    return Assets{std::move(categories),
                  std::move(pack),
                  std::move(words),
                  find_fonts({"/usr/share/fonts/truetype"}),
                  {}};
  }();
  return assets;
}

Scene empty_scene(int width, int height) {
  Scene scene;
  scene.image.width = width;
  scene.image.height = height;
  scene.image.rgb.resize(static_cast<size_t>(width * height * 3));
  scene.ids.assign(map_side * map_side, 0);
  return scene;
}

static Thing thing_at(ThingKind kind, double cx, double cy) {
  Thing thing;
  thing.kind = kind;
  thing.box = {cx - 10, cy - 10, cx + 10, cy + 10};
  return thing;
}

Thing object_at(int category, double cx, double cy, Color color) {
  Thing thing = thing_at(ThingKind::Object, cx, cy);
  thing.category = category;
  thing.color = color;
  return thing;
}

Thing shape_at(Form form, Color color, double cx, double cy) {
  Thing thing = thing_at(ThingKind::Shape, cx, cy);
  thing.form = form;
  thing.color = color;
  return thing;
}

Thing sign_at(const std::string &text, double cx, double cy) {
  Thing thing = thing_at(ThingKind::Sign, cx, cy);
  thing.text = text;
  return thing;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "scenes-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string &name, const std::string &content) const {
  const std::filesystem::path path = path_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  return path.string();
}

} // namespace vlm::test
