// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/color.h"

#include <algorithm>
#include <cmath>

namespace vlm::scenes {
namespace {

struct ColorBox {
  double h0, h1, s0, s1, v0, v1;
};

constexpr std::array<ColorBox, color_count> boxes = {{
    {352, 366, .75, 1, .70, 1},     // red
    {20, 33, .80, 1, .90, 1},       // orange
    {48, 60, .70, 1, .88, 1},       // yellow
    {95, 145, .55, 1, .40, .85},    // green
    {205, 240, .60, 1, .55, 1},     // blue
    {265, 285, .50, .90, .45, .85}, // purple
    {315, 338, .35, .70, .90, 1},   // pink
    {18, 30, .55, .85, .35, .55},   // brown
    {0, 360, 0, .3, 0, .12},        // black
    {0, 360, 0, .05, .95, 1},       // white
}};

double hue(Rgb p, int high, int range) {
  double h = 0;
  if (high == p.r)
    h = static_cast<double>(p.g - p.b) / range;
  else if (high == p.g)
    h = 2 + static_cast<double>(p.b - p.r) / range;
  else
    h = 4 + static_cast<double>(p.r - p.g) / range;
  return h < 0 ? 60 * h + 360 : 60 * h;
}

Color by_hue(double h, double s, double v) {
  if (h < 14 || h >= 345) {
    if (s < .5)
      return v > .7 ? Color::Pink : Color::Brown;
    return h < 14 && v < .5 ? Color::Brown : Color::Red;
  }
  if (h < 42) {
    if (v < .75)
      return Color::Brown;
    return s >= .5 ? Color::Orange : Color::None;
  }
  if (h < 68)
    return Color::Yellow;
  if (h < 165)
    return Color::Green;
  if (h < 258)
    return Color::Blue;
  return h < 295 ? Color::Purple : Color::Pink;
}

} // namespace

Rgb from_hsv(double h, double s, double v) {
  const auto channel = [&](double n) {
    const double k = std::fmod(n + h / 60, 6);
    const double value = v - v * s * std::max(0.0, std::min({k, 4 - k, 1.0}));
    return static_cast<uint8_t>(std::lround(255 * std::min(1.0, std::max(0.0, value))));
  };
  return {channel(5), channel(3), channel(1)};
}

Color classify(Rgb p) {
  const int high = std::max({p.r, p.g, p.b});
  const int range = high - std::min({p.r, p.g, p.b});
  const double v = high / 255.0;
  const double s = high == 0 ? 0 : static_cast<double>(range) / high;
  if (v < .22)
    return Color::Black;
  if (s < .13 && v > .85)
    return Color::White;
  if (s < .20)
    return Color::None;
  return by_hue(hue(p, high, range), s, v);
}

Rgb draw_rgb(Color color, Random &random) {
  const ColorBox &box = boxes[static_cast<std::size_t>(color)];
  const double h = random.uniform(box.h0, box.h1);
  const double s = random.uniform(box.s0, box.s1);
  return from_hsv(std::fmod(h, 360), s, random.uniform(box.v0, box.v1));
}

} // namespace vlm::scenes
