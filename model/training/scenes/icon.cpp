// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/icon.h"

#include "model/training/scenes/color.h"
#include "model/training/scenes/layer.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

namespace vlm::scenes {
namespace {

Rgb draw_ink(Random &random) {
  if (random.chance(.25))
    return draw_rgb(random.chance(.7) ? Color::Black : Color::White, random);
  if (random.chance(.7))
    return draw_rgb(static_cast<Color>(random.below(color_count)), random);
  return from_hsv(random.uniform(0, 360), random.uniform(.1, 1), random.uniform(.2, 1));
}

int luma(Rgb c) { return (299 * c.r + 587 * c.g + 114 * c.b) / 1000; }

/// An ink that can be told from `other`.
Rgb draw_ink_apart(Rgb other, Random &random) {
  for (int tries = 0; tries < 8; ++tries) {
    const Rgb ink = draw_ink(random);
    if (std::abs(luma(ink) - luma(other)) > 70)
      return ink;
  }
  return luma(other) > 127 ? Rgb{10, 10, 10} : Rgb{250, 250, 250};
}

/// What the strokes enclose: 255 there and on the strokes, 0 outside.
cv::Mat body_of(const cv::Mat &strokes) {
  cv::Mat outside;
  cv::copyMakeBorder(strokes, outside, 1, 1, 1, 1, cv::BORDER_CONSTANT, cv::Scalar(0));
  cv::threshold(outside, outside, 100, 255, cv::THRESH_BINARY);
  cv::floodFill(outside, cv::Point(0, 0), cv::Scalar(128), nullptr, cv::Scalar(0), cv::Scalar(0),
                4);
  cv::Mat body = outside(cv::Rect(1, 1, strokes.cols, strokes.rows)) != 128;
  return body;
}

cv::Mat thicken(const cv::Mat &alpha, int steps) {
  cv::Mat result;
  const cv::Mat cross = cv::getStructuringElement(cv::MORPH_CROSS, cv::Size(3, 3));
  if (steps > 0)
    cv::dilate(alpha, result, cross, cv::Point(-1, -1), steps, cv::BORDER_CONSTANT, cv::Scalar(0));
  else
    cv::erode(alpha, result, cross, cv::Point(-1, -1), -steps, cv::BORDER_CONSTANT, cv::Scalar(0));
  return result;
}

/// `color` over what is there, weighted by `alpha`.
void lay(std::vector<uint8_t> &rgba, const cv::Mat &alpha, Rgb color) {
  const int ink[3] = {color.r, color.g, color.b};
  for (size_t i = 0; i < alpha.total(); ++i) {
    const int a = alpha.data[i];
    uint8_t *p = &rgba[i * 4];
    for (int c = 0; c < 3; ++c)
      p[c] = clamp_byte((ink[c] * a + p[c] * (255 - a) + 127) / 255);
    p[3] = clamp_byte((255 * a + p[3] * (255 - a) + 127) / 255);
  }
}

} // namespace

SpriteLevel color_icon(const SpriteLevel &icon, Random &random) {
  constexpr int margin = 3;
  const int side = std::max(icon.width, icon.height);
  cv::Mat given(icon.height, icon.width, CV_8U, const_cast<uint8_t *>(icon.pixels.data()));
  cv::Mat strokes;
  cv::copyMakeBorder(given, strokes, margin, margin, margin, margin, cv::BORDER_CONSTANT,
                     cv::Scalar(0));
  const double kind = random.uniform();
  const Rgb ink = draw_ink(random);
  if (random.chance(.3))
    strokes = thicken(strokes, side > 70 ? random.between(1, 2) : 1);
  SpriteLevel result{strokes.cols, strokes.rows, 4, std::vector<uint8_t>(strokes.total() * 4)};
  if (kind < .40) { // body in one color, strokes in another
    lay(result.pixels, body_of(strokes), draw_ink_apart(ink, random));
  } else if (kind < .60) { // rim
    const Rgb rim = draw_ink_apart(ink, random);
    lay(result.pixels, thicken(strokes, side > 70 ? random.between(1, 2) : 1), rim);
  } else if (kind < .68) { // silhouette
    strokes = body_of(strokes);
  }
  lay(result.pixels, strokes, ink);
  return result;
}

} // namespace vlm::scenes
