// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/scene.h"

#include "model/training/scenes/background.h"
#include "model/training/scenes/icon.h"
#include "model/training/scenes/layer.h"
#include "model/training/scenes/plan.h"
#include "model/training/scenes/restyle.h"
#include "model/training/scenes/shape.h"
#include "model/training/scenes/sign.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>

namespace vlm::scenes {
namespace {

constexpr int tries = 14;
constexpr double shrink = .97;
constexpr double largest_overlap = .06; // of the smaller box
constexpr double small_cap = 14, smallest_cap = 9;
constexpr double covering_alpha = .43;
constexpr double dyed_share = .2; // of objects, in a drill

/// The padded square around the picture.
struct Frame {
  int side, x, y; ///< x, y: of the picture within it
  explicit Frame(const Image &image)
      : side(std::max(image.width, image.height)), x((side - image.width) / 2),
        y((side - image.height) / 2) {}
  Box to_hr(const Box &box) const {
    const double k = static_cast<double>(hr_side) / side;
    return {(box.x0 + x) * k, (box.y0 + y) * k, (box.x1 + x) * k, (box.y1 + y) * k};
  }
};

double area(const Box &box) { return box.width() * box.height(); }

bool overlaps(const Box &a, const Box &b) {
  const double width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const double height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  return width > 0 && height > 0 && width * height > largest_overlap * std::min(area(a), area(b));
}

/// Marks the cells that the layer covers as belonging to thing number `id`.
void mark_cells(std::vector<uint8_t> &ids, const Layer &layer, const Image &image, uint8_t id) {
  const Frame frame(image);
  std::vector<float> sums(map_side * map_side);
  std::vector<int> column_cells(static_cast<size_t>(layer.width), -1);
  for (int u = 0; u < layer.width; ++u)
    if (const int x = layer.x + u; x >= 0 && x < image.width)
      column_cells[static_cast<size_t>(u)] = (x + frame.x) * map_side / frame.side;
  for (int v = 0; v < layer.height; ++v) {
    const int y = layer.y + v;
    if (y < 0 || y >= image.height)
      continue;
    float *row = &sums[static_cast<size_t>((y + frame.y) * map_side / frame.side * map_side)];
    for (int u = 0; u < layer.width; ++u)
      if (const int cell = column_cells[static_cast<size_t>(u)]; cell >= 0)
        row[cell] += layer.at(u, v)[3];
  }
  const double cell_side_here = static_cast<double>(frame.side) / map_side;
  const double enough = covering_alpha * 255 * cell_side_here * cell_side_here;
  for (size_t i = 0; i < sums.size(); ++i)
    if (sums[i] > enough)
      ids[i] = id;
}

Image draw_canvas(const Assets &assets, SceneMix mix, const SceneOptions &options, Random &random) {
  const int side = random.between(options.min_side, options.max_side);
  if (mix == SceneMix::Painting)
    return draw_plain_background(side, side, random);
  const int other = static_cast<int>(side * random.uniform(.5, 1));
  const double aspect = random.uniform();
  const int width = aspect < .75 ? side : other;
  const int height = aspect < .25 || aspect >= .75 ? side : other;
  return draw_background(width, height, assets.photographs, random);
}

/// One size of the sprite, close to the size it is drawn at.
const SpriteLevel &level_for(const Sprite &sprite, double side) {
  size_t k = 0;
  const auto longer = [&](size_t i) {
    return static_cast<double>(std::max(sprite.levels[i].width, sprite.levels[i].height));
  };
  while (k + 1 < sprite.levels.size() && longer(k) * longer(k + 1) > side * side)
    ++k;
  return sprite.levels[k];
}

Pose draw_pose(Random &random) {
  Pose pose;
  if (random.chance(.5))
    pose.angle = random.uniform(-15, 15) * M_PI / 180;
  pose.mirror = random.chance(.5);
  return pose;
}

/// Extent of a turned rectangle.
std::pair<double, double> turned(double width, double height, double angle) {
  const double c = std::abs(std::cos(angle)), s = std::abs(std::sin(angle));
  return {c * width + s * height, s * width + c * height};
}

} // namespace

struct SceneMaker::State {
  const Assets &assets;
  SceneOptions options;
  SignPainter painter;

  /// A scene in the making.
  struct Work {
    Scene scene;
    Random random;
    bool fine = false;       ///< shows small text
    Color dye = Color::None; ///< of the next object
    int dyed = -1;           ///< category that `dye` was drawn for
  };

  std::optional<Box> find_place(Work &work, double width, double height) const;
  void add(Work &work, Thing thing, const Layer &layer, bool shadow) const;
  void draw_dye(Work &work, int category) const;
  void place_object(Work &work, const PlannedThing &plan) const;
  void place_shape(Work &work, const PlannedThing &plan) const;
  void place_sign(Work &work, const PlannedThing &plan) const;
  Layer draw_object(Work &work, const Sprite &sprite, double side, Pose pose) const;
  Scene make(SceneMix mix, Random random) const;
};

/// A random place for a box of this size that touches the others little; none when this one draw
/// failed.
std::optional<Box> SceneMaker::State::find_place(Work &work, double width, double height) const {
  const Image &image = work.scene.image;
  if (width > image.width || height > image.height)
    return std::nullopt;
  const double x = work.random.uniform(0, image.width - width);
  const double y = work.random.uniform(0, image.height - height);
  const Box box{x, y, x + width, y + height};
  for (const Thing &other : work.scene.things)
    if (overlaps(box, other.box))
      return std::nullopt;
  return box;
}

void SceneMaker::State::add(Work &work, Thing thing, const Layer &layer, bool shadow) const {
  Scene &scene = work.scene;
  int edges[4];
  if (!visible_box(layer, scene.image, edges))
    return;
  thing.box = {static_cast<double>(edges[0]), static_cast<double>(edges[1]),
               static_cast<double>(edges[2]), static_cast<double>(edges[3])};
  thing.hr_box = Frame(scene.image).to_hr(thing.box);
  if (shadow)
    paint_shadow(scene.image, layer, work.random.between(-4, 4), work.random.between(1, 5),
                 work.random.uniform(.2, .6));
  paint(scene.image, layer);
  scene.things.push_back(std::move(thing));
  mark_cells(scene.ids, layer, scene.image, static_cast<uint8_t>(scene.things.size()));
}

Layer SceneMaker::State::draw_object(Work &work, const Sprite &sprite, double side,
                                     Pose pose) const {
  const SpriteLevel &level = level_for(sprite, side);
  const auto [width, height] = turned(level.width, level.height, pose.angle);
  pose.scale = side / std::max(width, height);
  Layer layer;
  for (int draws = 0; draws < 4; ++draws) { // an icon's color must be seen on this background
    layer = transform(sprite.mono ? color_icon(level, work.random) : level, pose, restyle_margin);
    if (!sprite.mono || contrast(layer, work.scene.image) > 45)
      break;
  }
  if (options.augment && !(sprite.mono && work.random.chance(.5)))
    restyle(layer, work.random);
  if (work.dye != Color::None)
    dye(layer, work.dye, work.random);
  if (contrast(layer, work.scene.image) < 20)
    add_halo(layer, work.random.chance(.5) ? Rgb{0, 0, 0} : Rgb{255, 255, 255}, 1.5);
  return layer;
}

// Anew, unless the last object was of the same kind.
void SceneMaker::State::draw_dye(Work &work, int category) const {
  if (!options.drill || std::exchange(work.dyed, category) == category)
    return;
  const bool dyed = work.random.chance(dyed_share);
  work.dye = dyed ? static_cast<Color>(work.random.below(color_count)) : Color::None;
}

void SceneMaker::State::place_object(Work &work, const PlannedThing &plan) const {
  draw_dye(work, plan.category);
  const Sprite &sprite = assets.sprites[plan.sprite];
  const Image &image = work.scene.image;
  Pose pose = draw_pose(work.random);
  const SpriteLevel &level = sprite.levels.front();
  auto [width, height] = turned(level.width, level.height, pose.angle);
  double side = plan.size * std::max(image.width, image.height);
  const double unit = std::max(width, height);
  width /= unit;
  height /= unit;
  side = std::min({side, .98 * image.width / width, .98 * image.height / height});
  for (int i = 0; i < tries; ++i, side *= shrink) {
    const auto box = find_place(work, side * width, side * height);
    if (!box)
      continue;
    pose.cx = box->cx();
    pose.cy = box->cy();
    const Layer layer = draw_object(work, sprite, side, pose);
    Thing thing;
    thing.category = plan.category;
    thing.sprite = plan.sprite;
    thing.color = dominant_color(layer.rgba.data(), layer.pixels(), 2);
    return add(work, std::move(thing), layer, options.augment && work.random.chance(.25));
  }
}

void SceneMaker::State::place_shape(Work &work, const PlannedThing &plan) const {
  const Image &image = work.scene.image;
  double side = plan.size * std::max(image.width, image.height);
  side = std::min({side, .8 * image.width, .8 * image.height});
  const double angle = work.random.chance(.5) ? work.random.uniform(-10, 10) * M_PI / 180 : 0;
  for (int i = 0; i < tries; ++i, side *= shrink) {
    const auto [width, height] = turned(side, side, angle);
    const auto box = find_place(work, width, height);
    if (!box)
      continue;
    const Layer layer =
        draw_shape(plan.form, plan.color, box->cx(), box->cy(), side, angle, work.random);
    if (contrast(layer, image) < 50)
      continue;
    Thing thing;
    thing.kind = ThingKind::Shape;
    thing.form = plan.form;
    thing.color = plan.color;
    return add(work, std::move(thing), layer, options.augment && work.random.chance(.25));
  }
}

void SceneMaker::State::place_sign(Work &work, const PlannedThing &plan) const {
  const Image &image = work.scene.image;
  const Frame frame(image);
  const double native = static_cast<double>(frame.side) / hr_side;
  SignDesign design = painter.design(plan.text, plan.cap_height * native, work.random);
  const auto [full_width, full_height] = painter.extent(design);
  design.cap_height *=
      std::min({1.0, .96 * image.width / full_width, .96 * image.height / full_height});
  for (int i = 0; i < tries; ++i, design.cap_height *= shrink) {
    if (design.cap_height < smallest_cap * native)
      return;
    const auto [width, height] = painter.extent(design);
    const auto box = find_place(work, width, height);
    if (!box)
      continue;
    const PaintedSign sign = painter.draw(design, box->cx(), box->cy());
    Thing thing;
    thing.kind = ThingKind::Sign;
    thing.cap_height = design.cap_height / native;
    thing.small_text = thing.cap_height < small_cap;
    for (const PlacedGlyph &glyph : sign.glyphs) {
      const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(glyph.letter)));
      thing.text += letter;
      thing.glyphs.push_back({letter, frame.to_hr({glyph.x0, glyph.y0, glyph.x1, glyph.y1})});
    }
    work.fine = work.fine || thing.small_text;
    return add(work, std::move(thing), sign.layer, options.augment && work.random.chance(.25));
  }
}

Scene SceneMaker::State::make(SceneMix mix, Random random) const {
  Work work{{}, random};
  const std::vector<PlannedThing> plan =
      plan_things(assets, mix, options, !painter.empty(), work.random);
  work.scene.image = draw_canvas(assets, mix, options, work.random);
  work.scene.ids.assign(map_side * map_side, 0);
  for (const PlannedThing &thing : plan)
    switch (thing.kind) {
    case ThingKind::Object:
      place_object(work, thing);
      break;
    case ThingKind::Shape:
      place_shape(work, thing);
      break;
    case ThingKind::Sign:
      place_sign(work, thing);
      break;
    }
  if (options.augment)
    wear(work.scene.image, work.fine, work.random);
  return std::move(work.scene);
}

SceneMaker::SceneMaker(const Assets &assets, SceneOptions options)
    : state_(new State{assets, options, SignPainter(assets.fonts)}) {}
SceneMaker::~SceneMaker() = default;
SceneMaker::SceneMaker(SceneMaker &&) noexcept = default;

Scene SceneMaker::operator()(SceneMix mix, uint64_t seed, uint64_t index) {
  return state_->make(mix, Random(seed + (static_cast<uint64_t>(mix) << 56), index));
}

} // namespace vlm::scenes
