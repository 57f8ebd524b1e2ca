// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/color.h"
#include "model/training/scenes/random.h"
#include "model/training/scenes/sprites.h"
#include "model/vision/image.h"

#include <cstdint>
#include <vector>

namespace vlm::scenes {

/// A piece of premultiplied RGBA placed on a picture; it may reach beyond the picture's edges.
struct Layer {
  int x = 0, y = 0; ///< of its top left pixel in the picture
  int width = 0, height = 0;
  std::vector<uint8_t> rgba;

  Layer() = default;
  Layer(int x, int y, int width, int height);
  uint8_t *at(int column, int row) {
    return &rgba[(static_cast<size_t>(row) * static_cast<size_t>(width) +
                  static_cast<size_t>(column)) *
                 4];
  }
  const uint8_t *at(int column, int row) const {
    return const_cast<Layer *>(this)->at(column, row);
  }
  int pixels() const { return width * height; }
};

/// Source over.
void paint(Image &image, const Layer &layer);

/// Edges of the pixels whose alpha is at least 96, clipped to the picture: x0, y0, x1, y1. False
/// when there are none.
bool visible_box(const Layer &layer, const Image &image, int (&box)[4]);

/// Where a sprite goes: turned by `angle` radians about its centre, then its centre moved to (cx,
/// cy).
struct Pose {
  double cx = 0, cy = 0;
  double scale = 1; ///< picture pixels per pixel of the level
  double angle = 0;
  bool mirror = false;
};

/// Bilinear, with a margin of `margin` transparent pixels for what is drawn around it later.
Layer transform(const SpriteLevel &level, const Pose &pose, int margin);

/// The alpha channel widened by `radius` pixels (a disc).
std::vector<uint8_t> dilated_alpha(const Layer &layer, double radius);

/// A rim of `color` around what the layer shows, painted below it.
void add_halo(Layer &layer, Rgb color, double radius);

/// A soft dark copy below the layer, moved by (dx, dy).
void paint_shadow(Image &image, const Layer &layer, int dx, int dy, double strength);

/// Mean of the largest channel difference between what the layer shows and the picture below it,
/// 0..255.
double contrast(const Layer &layer, const Image &image);

inline uint8_t clamp_byte(int value) {
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

} // namespace vlm::scenes
