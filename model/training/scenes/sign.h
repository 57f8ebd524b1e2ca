// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/layer.h"
#include "model/training/scenes/random.h"

#include <memory>
#include <string>
#include <vector>

namespace vlm::scenes {

/// A letter of a sign in picture pixels.
struct PlacedGlyph {
  char letter; ///< as drawn
  double x0, y0, x1, y1;
};

/// Everything about a sign but its place, so that its size is known before it is drawn.
struct SignDesign {
  std::string text; ///< as drawn
  int font = 0;
  double cap_height = 0;             ///< picture pixels
  double spacing = 0;                ///< between letters, shares of the cap height
  double margin_x = 0, margin_y = 0; ///< around the text, shares of the cap height
  double angle = 0;
  Rgb panel, ink;
  bool rim = false;
  double corner = 0; ///< radius, shares of the cap height
};

struct PaintedSign {
  Layer layer;
  std::vector<PlacedGlyph> glyphs;
};

/// Draws rectangles with text. Font faces belong to one thread.
class SignPainter {
public:
  /// Error(Unreadable) naming a font that cannot be opened or lacks a letter.
  explicit SignPainter(const std::vector<std::string> &fonts);
  ~SignPainter();
  SignPainter(SignPainter &&) noexcept;

  bool empty() const; ///< no fonts: no signs
  /// Colors (luma contrast above 110), font, angle and margins at random.
  SignDesign design(const std::string &text, double cap_height, Random &random) const;
  /// Width and height of the turned panel.
  std::pair<double, double> extent(const SignDesign &design) const;
  PaintedSign draw(const SignDesign &design, double cx, double cy) const;

private:
  struct Fonts;
  std::unique_ptr<Fonts> fonts_;
};

} // namespace vlm::scenes
