// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/sign.h"

#include "model/core/error.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <array>
#include <cmath>

namespace vlm::scenes {
namespace {

int luma(Rgb c) { return (299 * c.r + 587 * c.g + 114 * c.b) / 1000; }

int letter_index(char c) { return c >= 'a' ? c - 'a' + 26 : c - 'A'; }
char letter_at(int index) { return static_cast<char>(index < 26 ? 'A' + index : 'a' + index - 26); }

Rgb panel_color(Random &random) {
  if (random.chance(.3))
    return draw_rgb(Color::White, random);
  if (random.chance(.5))
    return draw_rgb(static_cast<Color>(random.below(color_count)), random);
  return from_hsv(random.uniform(0, 360), random.uniform(0, 1), random.uniform(.1, 1));
}

/// Panel and ink whose lumas are more than 110 apart.
std::pair<Rgb, Rgb> draw_colors(Random &random) {
  for (int tries = 0; tries < 40; ++tries) {
    const Rgb panel = panel_color(random);
    const Rgb ink = random.chance(.5)
                        ? draw_rgb(random.chance(.6) ? Color::Black : Color::White, random)
                        : panel_color(random);
    if (std::abs(luma(panel) - luma(ink)) > 110)
      return {panel, ink};
  }
  return {Rgb{255, 255, 255}, Rgb{0, 0, 0}};
}

double rectangle_distance(double x, double y, double half_width, double half_height,
                          double corner) {
  const double dx = std::abs(x) - half_width + corner, dy = std::abs(y) - half_height + corner;
  return std::hypot(std::max(dx, 0.0), std::max(dy, 0.0)) + std::min(std::max(dx, dy), 0.0) -
         corner;
}

} // namespace

struct SignPainter::Fonts {
  struct Font {
    FT_Face face = nullptr;
    double cap_height = 0;             // ems
    std::array<double, 52> advances{}; // ems
  };
  FT_Library library = nullptr;
  std::vector<Font> list;

  Fonts() {
    if (FT_Init_FreeType(&library) != 0)
      fail(ErrorCategory::Failed, "the font library cannot be initialised");
  }
  Fonts(const Fonts &) = delete;
  Fonts &operator=(const Fonts &) = delete;
  ~Fonts() {
    for (const Font &font : list)
      FT_Done_Face(font.face);
    FT_Done_FreeType(library);
  }

  void open(const std::string &path) {
    Font font;
    if (FT_New_Face(library, path.c_str(), 0, &font.face) != 0)
      fail(ErrorCategory::Unreadable, path, ": not a font");
    list.push_back(font);
    measure(list.back(), path);
  }

  static void measure(Font &font, const std::string &path) {
    for (int i = 0; i < 52; ++i) {
      const auto code = static_cast<FT_ULong>(static_cast<unsigned char>(letter_at(i)));
      if (FT_Get_Char_Index(font.face, code) == 0 ||
          FT_Load_Char(font.face, code, FT_LOAD_NO_SCALE) != 0)
        fail(ErrorCategory::Unreadable, path, ": has no letter ", letter_at(i));
      const FT_Glyph_Metrics &metrics = font.face->glyph->metrics;
      const double em = font.face->units_per_EM;
      font.advances[static_cast<size_t>(i)] = static_cast<double>(metrics.horiAdvance) / em;
      if (letter_at(i) == 'H')
        font.cap_height = static_cast<double>(metrics.horiBearingY) / em;
    }
  }

  const Font &of(const SignDesign &design) const { return list[static_cast<size_t>(design.font)]; }
};

SignPainter::SignPainter(const std::vector<std::string> &fonts) : fonts_(new Fonts) {
  for (const std::string &path : fonts)
    fonts_->open(path);
}
SignPainter::~SignPainter() = default;
SignPainter::SignPainter(SignPainter &&) noexcept = default;

bool SignPainter::empty() const { return fonts_->list.empty(); }

SignDesign SignPainter::design(const std::string &text, double cap_height, Random &random) const {
  SignDesign design;
  design.text = text;
  design.font = random.below(static_cast<int>(fonts_->list.size()));
  design.cap_height = cap_height;
  design.spacing = random.chance(.3) ? random.uniform(0, .3) : .02;
  design.margin_x = random.uniform(.3, 1);
  design.margin_y = random.uniform(.3, .9);
  design.angle = random.chance(.5) ? random.uniform(-.08, .08) : 0;
  std::tie(design.panel, design.ink) = draw_colors(random);
  design.rim = random.chance(.3);
  design.corner = random.chance(.4) ? random.uniform(.1, .6) : 0;
  return design;
}

namespace {

/// Half width and half height of the panel before it is turned, and the width of the text.
struct PanelSize {
  double half_width, half_height, text_width;
};

} // namespace

template <typename Font> static PanelSize panel_size(const SignDesign &design, const Font &font) {
  const double em = design.cap_height / font.cap_height;
  double width = design.spacing * design.cap_height * (static_cast<double>(design.text.size()) - 1);
  for (const char c : design.text)
    width += font.advances[static_cast<size_t>(letter_index(c))] * em;
  // Room for descenders below words in lower case.
  const bool lower =
      std::any_of(design.text.begin(), design.text.end(), [](char c) { return c >= 'a'; });
  const double height = design.cap_height * (1 + 2 * design.margin_y + (lower ? .3 : 0));
  return {width / 2 + design.margin_x * design.cap_height, height / 2, width};
}

std::pair<double, double> SignPainter::extent(const SignDesign &design) const {
  const PanelSize size = panel_size(design, fonts_->of(design));
  const double c = std::abs(std::cos(design.angle)), s = std::abs(std::sin(design.angle));
  return {2 * (c * size.half_width + s * size.half_height),
          2 * (s * size.half_width + c * size.half_height)};
}

static void draw_panel(Layer &layer, const SignDesign &design, const PanelSize &size, double cx,
                       double cy) {
  const double c = std::cos(design.angle), s = std::sin(design.angle);
  const double corner = design.corner * design.cap_height;
  const double rim = design.rim ? std::max(1.0, .12 * design.cap_height) : 0;
  for (int row = 0; row < layer.height; ++row)
    for (int column = 0; column < layer.width; ++column) {
      const double dx = layer.x + column + .5 - cx, dy = layer.y + row + .5 - cy;
      const double d = rectangle_distance(c * dx + s * dy, c * dy - s * dx, size.half_width,
                                          size.half_height, corner);
      const double alpha = std::clamp(.5 - d, 0.0, 1.0);
      const double inked =
          rim > 0 ? std::clamp(rim / 2 + .5 - std::abs(d + 1.5 * rim), 0.0, 1.0) : 0;
      const auto mixed = [&](int panel, int ink) {
        return clamp_byte(static_cast<int>((panel + (ink - panel) * inked) * alpha));
      };
      uint8_t *p = layer.at(column, row);
      p[0] = mixed(design.panel.r, design.ink.r);
      p[1] = mixed(design.panel.g, design.ink.g);
      p[2] = mixed(design.panel.b, design.ink.b);
      p[3] = clamp_byte(static_cast<int>(255 * alpha));
    }
}

/// Puts the bitmap of the loaded glyph on the layer and returns its place.
static PlacedGlyph stamp_glyph(Layer &layer, const FT_GlyphSlot glyph, char letter, int x, int y,
                               Rgb ink) {
  const FT_Bitmap &bitmap = glyph->bitmap;
  const int left = x + glyph->bitmap_left, top = y - glyph->bitmap_top;
  const int inks[3] = {ink.r, ink.g, ink.b};
  for (int row = 0; row < static_cast<int>(bitmap.rows); ++row)
    for (int column = 0; column < static_cast<int>(bitmap.width); ++column) {
      const int u = left + column - layer.x, v = top + row - layer.y;
      if (u < 0 || v < 0 || u >= layer.width || v >= layer.height)
        continue;
      const int a = bitmap.buffer[row * bitmap.pitch + column];
      uint8_t *p = layer.at(u, v);
      for (int k = 0; k < 3; ++k)
        p[k] = clamp_byte((p[k] * (255 - a) + inks[k] * a + 127) / 255);
      p[3] = clamp_byte(p[3] + a * (255 - p[3]) / 255);
    }
  return {letter, static_cast<double>(left), static_cast<double>(top),
          static_cast<double>(left + static_cast<int>(bitmap.width)),
          static_cast<double>(top + static_cast<int>(bitmap.rows))};
}

PaintedSign SignPainter::draw(const SignDesign &design, double cx, double cy) const {
  const Fonts::Font &font = fonts_->of(design);
  const PanelSize size = panel_size(design, font);
  const auto [width, height] = extent(design);
  const int x0 = static_cast<int>(std::floor(cx - width / 2)) - 1;
  const int y0 = static_cast<int>(std::floor(cy - height / 2)) - 1;
  PaintedSign sign{Layer(x0, y0, static_cast<int>(std::ceil(width)) + 3,
                         static_cast<int>(std::ceil(height)) + 3),
                   {}};
  draw_panel(sign.layer, design, size, cx, cy);

  const double em = design.cap_height / font.cap_height;
  FT_Set_Char_Size(font.face, 0, static_cast<FT_F26Dot6>(std::lround(em * 64)), 72, 72);
  const double c = std::cos(design.angle), s = std::sin(design.angle);
  FT_Matrix turn{static_cast<FT_Fixed>(c * 65536), static_cast<FT_Fixed>(s * 65536),
                 static_cast<FT_Fixed>(-s * 65536), static_cast<FT_Fixed>(c * 65536)};
  double along = -size.text_width / 2;
  const double down = design.cap_height / 2;
  for (const char letter : design.text) {
    const double x = cx + c * along - s * down, y = cy + s * along + c * down;
    const double px = std::floor(x), py = std::floor(y);
    FT_Vector rest{static_cast<FT_Pos>(std::lround((x - px) * 64)),
                   static_cast<FT_Pos>(std::lround((py - y) * 64))};
    FT_Set_Transform(font.face, &turn, &rest);
    if (FT_Load_Char(font.face, static_cast<FT_ULong>(letter),
                     FT_LOAD_RENDER | FT_LOAD_NO_HINTING) != 0)
      fail(ErrorCategory::Failed, "the letter ", letter, " cannot be drawn");
    sign.glyphs.push_back(stamp_glyph(sign.layer, font.face->glyph, letter, static_cast<int>(px),
                                      static_cast<int>(py), design.ink));
    along += font.advances[static_cast<size_t>(letter_index(letter))] * em +
             design.spacing * design.cap_height;
  }
  return sign;
}

} // namespace vlm::scenes
