// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/shape.h"

#include <algorithm>
#include <cmath>

namespace vlm::scenes {
namespace {

/// Signed distance to the form that fits into [-1, 1]^2, in the same unit; negative inside. Exact
/// for edges, slightly short at outer corners, which only sharpens them.
double distance(Form form, double x, double y) {
  const double ax = std::abs(x), ay = std::abs(y);
  switch (form) {
  case Form::Circle:
    return std::hypot(x, y) - 1;
  case Form::Square:
    return std::max(ax, ay) - 1;
  case Form::Diamond:
    return (ax + ay - 1) * M_SQRT1_2;
  case Form::Triangle: // apex up, equilateral: base 2, height sqrt(3)
    return std::max(y - .866, (ax * .866 - (y + .866) * .5));
  case Form::Cross:
    return std::min(std::max(ax - 1, ay - .34), std::max(ay - 1, ax - .34));
  case Form::Hexagon:
    return std::max(ay - .866, ax * .866 + ay * .5 - .866);
  }
  return 1;
}

int luma(Rgb c) { return (299 * c.r + 587 * c.g + 114 * c.b) / 1000; }

} // namespace

Layer draw_shape(Form form, Color color, double cx, double cy, double side, double angle,
                 Random &random) {
  const double half = side / 2, c = std::cos(angle), s = std::sin(angle);
  const int reach = static_cast<int>(std::ceil(half * (std::abs(c) + std::abs(s)))) + 2;
  Layer layer(static_cast<int>(std::floor(cx)) - reach, static_cast<int>(std::floor(cy)) - reach,
              2 * reach + 1, 2 * reach + 1);
  const Rgb fill = draw_rgb(color, random);
  const bool rim = color == Color::Black || color == Color::White || random.chance(.3);
  const int rim_tone = luma(fill) > 110 ? 0 : 255;
  const double rim_width = random.uniform(1, 1.8);
  const double shade = random.chance(.4) ? random.uniform(.02, .07) : 0;
  const double shade_angle = random.uniform(0, 2 * M_PI);
  const double sx = shade * std::cos(shade_angle), sy = shade * std::sin(shade_angle);
  const int fills[3] = {fill.r, fill.g, fill.b};
  for (int row = 0; row < layer.height; ++row)
    for (int column = 0; column < layer.width; ++column) {
      const double dx = (layer.x + column + .5 - cx) / half, dy = (layer.y + row + .5 - cy) / half;
      const double d = distance(form, c * dx + s * dy, -s * dx + c * dy) * half;
      const double alpha = std::clamp(.5 - d, 0.0, 1.0);
      if (alpha == 0)
        continue;
      const double in_rim = rim ? std::clamp(d + rim_width + .5, 0.0, 1.0) : 0;
      const double light = 1 - shade + sx * dx + sy * dy;
      uint8_t *p = layer.at(column, row);
      for (int k = 0; k < 3; ++k)
        p[k] = clamp_byte(static_cast<int>(
            alpha * (in_rim * rim_tone + (1 - in_rim) * std::min(255.0, fills[k] * light)) + .5));
      p[3] = clamp_byte(static_cast<int>(alpha * 255 + .5));
      for (int k = 0; k < 3; ++k)
        p[k] = std::min(p[k], p[3]);
    }
  return layer;
}

} // namespace vlm::scenes
