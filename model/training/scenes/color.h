// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/random.h"

#include <array>
#include <cstdint>

namespace vlm::scenes {

/// The ten names, in the order of the color head's classes; None is the eleventh.
enum class Color : uint8_t {
  Red,
  Orange,
  Yellow,
  Green,
  Blue,
  Purple,
  Pink,
  Brown,
  Black,
  White,
  None
};
constexpr int color_count = 10;
constexpr int color_classes = color_count + 1; ///< None included
constexpr std::array<const char *, color_count> color_names = {
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white"};

inline const char *name(Color color) { return color_names[static_cast<std::size_t>(color)]; }

struct Rgb {
  uint8_t r = 0, g = 0, b = 0;
};

/// h in degrees [0, 360), s and v in 0..1.
Rgb from_hsv(double h, double s, double v);

/// The name of one pixel; None for grey.
Color classify(Rgb pixel);

/// A pixel of that name, from the narrow box that shapes are filled from. `color` is not None.
Rgb draw_rgb(Color color, Random &random);

} // namespace vlm::scenes
