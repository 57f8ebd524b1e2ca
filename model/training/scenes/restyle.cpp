// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/restyle.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace vlm::scenes {
namespace {

int luma(const uint8_t *p) { return (77 * p[0] + 150 * p[1] + 29 * p[2]) >> 8; }

/// Applies a function of one pixel's straight color to all visible pixels.
template <typename Change> void each_straight(Layer &layer, const Change &change) {
  for (size_t i = 0; i < layer.rgba.size(); i += 4) {
    uint8_t *p = &layer.rgba[i];
    const int a = p[3];
    if (a == 0)
      continue;
    if (a == 255) {
      change(p);
      continue;
    }
    uint8_t straight[3];
    for (int c = 0; c < 3; ++c)
      straight[c] = clamp_byte((p[c] * 255 + a / 2) / a);
    change(straight);
    for (int c = 0; c < 3; ++c)
      p[c] = static_cast<uint8_t>((straight[c] * a + 127) / 255);
  }
}

/// A 3x4 color matrix in 8-bit fixed point; the last column is an offset.
using ColorMatrix = std::array<std::array<int, 4>, 3>;

/// Saturation, hue rotation (about the grey axis), brightness and offset in one matrix.
ColorMatrix tone_matrix(double saturation, double degrees, double brightness, double offset) {
  const double angle = degrees * M_PI / 180;
  const double c = std::cos(angle), s = std::sin(angle);
  constexpr double grey[3] = {.299, .587, .114};
  double rotation[3][3];
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      const double diagonal = i == j ? 1 : 0;
      const double cross = (j == (i + 1) % 3) ? -1 : (j == (i + 2) % 3) ? 1 : 0;
      rotation[i][j] = c * diagonal + (1 - c) / 3 + s * cross / std::sqrt(3.0);
    }
  ColorMatrix matrix{};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      const double value = saturation * rotation[i][j] + (1 - saturation) * grey[j];
      matrix[i][j] = static_cast<int>(std::lround(256 * brightness * value));
    }
    matrix[i][3] = static_cast<int>(std::lround(256 * offset));
  }
  return matrix;
}

void apply_matrix(Layer &layer, const ColorMatrix &m) {
  each_straight(layer, [&](uint8_t *p) {
    const int r = p[0], g = p[1], b = p[2];
    for (size_t c = 0; c < 3; ++c)
      p[c] = clamp_byte((m[c][0] * r + m[c][1] * g + m[c][2] * b + m[c][3] + 128) >> 8);
  });
}

void change_tone(Layer &layer, Random &random) {
  double saturation = random.uniform(.6, 1.25), degrees = 0;
  if (random.chance(.4)) {
    degrees = random.chance(.15) ? random.uniform(0, 360) : random.uniform(-28, 28);
    if (random.chance(.12))
      saturation = 0;
  }
  apply_matrix(layer,
               tone_matrix(saturation, degrees, random.uniform(.8, 1.15), random.uniform(-12, 12)));
}

void swap_channels(Layer &layer, Random &random) {
  constexpr int orders[5][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  const int *order = orders[random.below(5)];
  for (size_t i = 0; i < layer.rgba.size(); i += 4) {
    uint8_t *p = &layer.rgba[i];
    const uint8_t old[3] = {p[0], p[1], p[2]};
    for (int c = 0; c < 3; ++c)
      p[c] = old[order[c]];
  }
}

void posterise(Layer &layer, int levels) {
  std::array<uint8_t, 256> table;
  for (int i = 0; i < 256; ++i)
    table[static_cast<size_t>(i)] = clamp_byte(((i * levels) >> 8) * 255 / std::max(1, levels - 1));
  each_straight(layer, [&](uint8_t *p) {
    for (int c = 0; c < 3; ++c)
      p[c] = table[p[c]];
  });
}

/// The grey picture over white, and the strength of its edges (3x3 morphological gradient).
cv::Mat inner_edges(const Layer &layer) {
  cv::Mat grey(layer.height, layer.width, CV_8U), edges;
  for (int i = 0; i < layer.pixels(); ++i) {
    const uint8_t *p = &layer.rgba[static_cast<size_t>(i) * 4];
    grey.data[i] = clamp_byte(luma(p) + 255 - p[3]);
  }
  cv::morphologyEx(grey, edges, cv::MORPH_GRADIENT,
                   cv::getStructuringElement(cv::MORPH_RECT, cv::Size(3, 3)));
  return edges;
}

/// Black (or dark) lines where the drawing's parts meet, and a rim around it.
void outline(Layer &layer, Random &random) {
  const cv::Mat edges = inner_edges(layer);
  const bool whiten = random.chance(.3);
  if (!whiten && random.chance(.4))
    posterise(layer, random.between(3, 6));
  const int gain = random.between(1, 4), threshold = random.between(15, 60);
  const Rgb paper = random.chance(.7) ? Rgb{255, 255, 255}
                                      : from_hsv(random.uniform(0, 360), random.uniform(.05, .5),
                                                 random.uniform(.75, 1));
  const Rgb line = random.chance(.75) ? Rgb{0, 0, 0}
                                      : from_hsv(random.uniform(0, 360), random.uniform(0, 1),
                                                 random.uniform(.05, .35));
  const int papers[3] = {paper.r, paper.g, paper.b}, lines[3] = {line.r, line.g, line.b};
  for (int i = 0; i < layer.pixels(); ++i) {
    uint8_t *p = &layer.rgba[static_cast<size_t>(i) * 4];
    const int strength = std::clamp((edges.data[i] - threshold) * gain, 0, 255);
    for (int c = 0; c < 3; ++c) {
      const int fill = whiten ? papers[c] * p[3] / 255 : p[c];
      p[c] = clamp_byte((fill * (255 - strength) + lines[c] * p[3] / 255 * strength) / 255);
    }
  }
  constexpr double widths[] = {1, 1, 1.5, 2, 2, 3};
  add_halo(layer, line, random.pick(widths));
}

/// One hue between ink and paper, as a print with a single color has it.
void two_tone(Layer &layer, Random &random) {
  const double hue = random.uniform(0, 360);
  const Rgb dark = from_hsv(hue, random.uniform(.3, 1), random.uniform(.05, .4));
  const Rgb light = from_hsv(hue + random.uniform(-40, 40) + (hue < 40 ? 40 : 0),
                             random.uniform(0, .6), random.uniform(.8, 1));
  const int from[3] = {dark.r, dark.g, dark.b}, to[3] = {light.r, light.g, light.b};
  each_straight(layer, [&](uint8_t *p) {
    const int grey = luma(p);
    for (int c = 0; c < 3; ++c)
      p[c] = static_cast<uint8_t>((from[c] * (255 - grey) + to[c] * grey) / 255);
  });
}

/// Dots or lines whose size follows the darkness of the fill.
void halftone(Layer &layer, Random &random) {
  const double pitch = random.uniform(3, 5), angle = random.uniform(0, M_PI);
  const double c = std::cos(angle) * 2 * M_PI / pitch, s = std::sin(angle) * 2 * M_PI / pitch;
  const bool dots = random.chance(.6);
  const int depth = random.between(50, 130);
  for (int row = 0; row < layer.height; ++row)
    for (int column = 0; column < layer.width; ++column) {
      uint8_t *p = layer.at(column, row);
      if (p[3] == 0)
        continue;
      const double u = c * column + s * row, v = c * row - s * column;
      const double wave = dots ? std::cos(u) * std::cos(v) : std::cos(u);
      const int shift = static_cast<int>(depth * wave * p[3] / 255);
      for (int k = 0; k < 3; ++k)
        p[k] = std::min(p[3], clamp_byte(p[k] + shift));
    }
}

void soften(Layer &layer, double sigma) {
  cv::Mat view(layer.height, layer.width, CV_8UC4, layer.rgba.data());
  cv::GaussianBlur(view, view, cv::Size(), sigma, sigma, cv::BORDER_CONSTANT);
}

void add_grain(Image &image, double strength, Random &random) {
  uint64_t state = random.bits() | 1;
  const int amplitude = static_cast<int>(strength * 256);
  for (uint8_t &value : image.rgb) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const int noise = static_cast<int>((state >> 33) & 255) +
                      static_cast<int>((state >> 41) & 255) +
                      static_cast<int>((state >> 49) & 255) - 382; // triangular, deviation 128
    value = clamp_byte(value + ((noise * amplitude) >> 15));
  }
}

void pass_through_jpeg(Image &image, int quality) {
  cv::Mat view(image.height, image.width, CV_8UC3, image.rgb.data());
  cv::cvtColor(view, view, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> bytes;
  cv::imencode(".jpg", view, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
  cv::cvtColor(cv::imdecode(bytes, cv::IMREAD_COLOR), view, cv::COLOR_BGR2RGB);
}

void change_curve(Image &image, Random &random) {
  const double gamma = std::exp(random.uniform(-.3, .3)), gain = random.uniform(.8, 1.12);
  const double offset = random.uniform(-15, 15);
  std::array<std::array<uint8_t, 256>, 3> tables;
  for (auto &table : tables) {
    const double cast = random.uniform(.95, 1.05);
    for (int i = 0; i < 256; ++i)
      table[static_cast<size_t>(i)] = clamp_byte(
          static_cast<int>(std::lround(255 * std::pow(i / 255.0, gamma) * gain * cast + offset)));
  }
  for (size_t i = 0; i < image.rgb.size(); i += 3)
    for (size_t c = 0; c < 3; ++c)
      image.rgb[i + c] = tables[c][image.rgb[i + c]];
}

} // namespace

void restyle(Layer &layer, Random &random) {
  if (random.chance(.12)) // leave some as they came
    return;
  change_tone(layer, random);
  if (random.chance(.1))
    swap_channels(layer, random);
  if (random.chance(.05))
    two_tone(layer, random);
  if (random.chance(.06))
    posterise(layer, random.between(3, 7));
  if (random.chance(.05))
    halftone(layer, random);
  if (random.chance(.3))
    outline(layer, random);
  else if (random.chance(.08))
    add_halo(layer,
             random.chance(.7) ? Rgb{255, 255, 255}
                               : draw_rgb(static_cast<Color>(random.below(color_count)), random),
             random.between(1, 3)); // a sticker's rim
  if (random.chance(.06))
    soften(layer, random.uniform(.4, 1.1));
}

// Half of the light and shade that was there: more, and a pale part would lose the color's name.
void dye(Layer &layer, Color color, Random &random) {
  const Rgb rgb = draw_rgb(color, random);
  double sum = 0, alpha = 0;
  for (int i = 0; i < layer.pixels(); ++i) {
    sum += luma(&layer.rgba[static_cast<size_t>(i) * 4]);
    alpha += layer.rgba[static_cast<size_t>(i) * 4 + 3];
  }
  const double middle = alpha > 0 ? 255 * sum / alpha : 0;
  each_straight(layer, [&](uint8_t *p) {
    const double light = (luma(p) - middle) / 2;
    const uint8_t target[3] = {rgb.r, rgb.g, rgb.b};
    for (int c = 0; c < 3; ++c)
      p[c] = clamp_byte(static_cast<int>(light < 0 ? target[c] * (1 + light / 128)
                                                   : target[c] + (255 - target[c]) * light / 255));
  });
}

void wear(Image &image, bool fine, Random &random) {
  if (random.chance(.25))
    change_curve(image, random);
  if (random.chance(.12)) {
    cv::Mat view(image.height, image.width, CV_8UC3, image.rgb.data());
    const double sigma = random.uniform(.3, fine ? .5 : 1.2);
    cv::GaussianBlur(view, view, cv::Size(fine ? 3 : 5, fine ? 3 : 5), sigma);
  }
  if (random.chance(.15))
    add_grain(image, random.uniform(2, fine ? 8 : 16), random);
  if (random.chance(.2))
    pass_through_jpeg(image, random.between(fine ? 60 : 35, 95));
}

} // namespace vlm::scenes
