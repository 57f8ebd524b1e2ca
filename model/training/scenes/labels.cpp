// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/scene.h"

#include <algorithm>
#include <cmath>

namespace vlm::scenes {
namespace {

constexpr int token_cells = map_side / token_side;
constexpr int stage_cells = map_side / stage_side;

/// The thing (1..) with most of the side x side cells from (x, y), if it has at least `enough`;
/// else 0.
int covering_thing(const Scene &scene, int x, int y, int side, int enough) {
  std::array<int, 32> counts{}; // a scene has at most a dozen things
  for (int v = y; v < y + side; ++v)
    for (int u = x; u < x + side; ++u)
      ++counts[scene.ids[static_cast<size_t>(v * map_side + u)]];
  const auto most = std::max_element(
      counts.begin() + 1, counts.begin() + static_cast<ptrdiff_t>(scene.things.size()) + 1);
  return *most >= enough ? static_cast<int>(most - counts.begin()) : 0;
}

/// Number of the square of `side` HR pixels that holds the point, `count` a side.
size_t square_of(double x, double y, int count) {
  const auto place = [&](double v) {
    return std::clamp(static_cast<int>(v * count / hr_side), 0, count - 1);
  };
  return static_cast<size_t>(place(y) * count + place(x));
}

void fill_letters(DenseLabels &labels, const Glyph &glyph) {
  const int letter = glyph.letter - 'A';
  labels.token_letters[square_of(glyph.box.cx(), glyph.box.cy(), token_side) * 26 +
                       static_cast<size_t>(letter)] = 1;
  for (int v = 0; v < map_side; ++v) {
    const double y = (v + .5) * cell_side;
    if (y < glyph.box.y0 || y > glyph.box.y1)
      continue;
    for (int u = 0; u < map_side; ++u) {
      const double x = (u + .5) * cell_side;
      if (x >= glyph.box.x0 && x <= glyph.box.x1)
        labels.cell_letter[static_cast<size_t>(v * map_side + u)] =
            static_cast<uint8_t>(letter + 1);
    }
  }
  // A glyph narrower than a cell still has the one its centre lies in.
  labels.cell_letter[square_of(glyph.box.cx(), glyph.box.cy(), map_side)] =
      static_cast<uint8_t>(letter + 1);
}

} // namespace

int class_of(const Thing &thing, int categories) {
  switch (thing.kind) {
  case ThingKind::Object:
    return 1 + thing.category;
  case ThingKind::Shape:
    return 1 + categories + static_cast<int>(thing.form);
  case ThingKind::Sign:
    break;
  }
  return 1 + categories + form_count;
}

DenseLabels dense_labels(const Scene &scene, int categories) {
  DenseLabels labels;
  labels.token_color.fill(static_cast<int8_t>(Color::None));
  const auto thing = [&](int id) -> const Thing & {
    return scene.things[static_cast<size_t>(id - 1)];
  };
  for (int i = 0; i < token_side * token_side; ++i) {
    const int id = covering_thing(scene, i % token_side * token_cells, i / token_side * token_cells,
                                  token_cells, 10);
    if (id == 0)
      continue;
    labels.token_class[static_cast<size_t>(i)] =
        static_cast<int16_t>(class_of(thing(id), categories));
    labels.token_color[static_cast<size_t>(i)] = static_cast<int8_t>(thing(id).color);
  }
  for (int i = 0; i < stage_side * stage_side; ++i)
    if (const int id = covering_thing(scene, i % stage_side * stage_cells,
                                      i / stage_side * stage_cells, stage_cells, 6))
      labels.stage_class[static_cast<size_t>(i)] =
          static_cast<int16_t>(class_of(thing(id), categories));
  for (const Thing &each : scene.things) {
    labels.centre_class[square_of(each.hr_box.cx(), each.hr_box.cy(), token_side)] =
        static_cast<int16_t>(class_of(each, categories));
    for (const Glyph &glyph : each.glyphs)
      fill_letters(labels, glyph);
    labels.has_sign = labels.has_sign || each.kind == ThingKind::Sign;
  }
  return labels;
}

} // namespace vlm::scenes
