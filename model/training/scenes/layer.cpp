// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/layer.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

namespace vlm::scenes {
namespace {

/// x * y / 255, rounded, for bytes.
inline int product(int x, int y) {
  const int p = x * y + 128;
  return (p + (p >> 8)) >> 8;
}

/// The part of a layer that lies inside the picture.
struct Clip {
  int x0, y0, x1, y1; // columns and rows of the layer
};

Clip clip(const Layer &layer, const Image &image) {
  return {std::max(0, -layer.x), std::max(0, -layer.y),
          std::min(layer.width, image.width - layer.x),
          std::min(layer.height, image.height - layer.y)};
}

uint8_t *pixel(Image &image, int x, int y) {
  return &image.rgb[(static_cast<size_t>(y) * static_cast<size_t>(image.width) +
                     static_cast<size_t>(x)) *
                    3];
}
const uint8_t *pixel(const Image &image, int x, int y) {
  return pixel(const_cast<Image &>(image), x, y);
}

/// One output pixel from the four level pixels around (u, v), given in 8-bit fixed point.
inline void sample(const SpriteLevel &level, int u, int v, uint8_t *out) {
  const int x = u >> 8, y = v >> 8, fx = u & 255, fy = v & 255;
  const int weights[4] = {(256 - fx) * (256 - fy), fx * (256 - fy), (256 - fx) * fy, fx * fy};
  if (x >= 0 && y >= 0 && x + 1 < level.width && y + 1 < level.height) {
    const uint8_t *p = &level.pixels[static_cast<size_t>((y * level.width + x) * 4)];
    const uint8_t *q = p + static_cast<ptrdiff_t>(level.width) * 4;
    for (int c = 0; c < 4; ++c)
      out[c] = static_cast<uint8_t>((weights[0] * p[c] + weights[1] * p[c + 4] + weights[2] * q[c] +
                                     weights[3] * q[c + 4] + 32768) >>
                                    16);
    return;
  }
  int sums[4] = {};
  for (int k = 0; k < 4; ++k) {
    const int sx = x + (k & 1), sy = y + (k >> 1);
    if (sx < 0 || sy < 0 || sx >= level.width || sy >= level.height)
      continue;
    const uint8_t *near = &level.pixels[static_cast<size_t>((sy * level.width + sx) * 4)];
    for (int c = 0; c < 4; ++c)
      sums[c] += weights[k] * near[c];
  }
  for (int c = 0; c < 4; ++c)
    out[c] = static_cast<uint8_t>((sums[c] + 32768) >> 16);
}

} // namespace

Layer::Layer(int x_, int y_, int width_, int height_)
    : x(x_), y(y_), width(width_), height(height_),
      rgba(static_cast<size_t>(width_) * static_cast<size_t>(height_) * 4) {}

void paint(Image &image, const Layer &layer) {
  const Clip part = clip(layer, image);
  for (int row = part.y0; row < part.y1; ++row)
    for (int column = part.x0; column < part.x1; ++column) {
      const uint8_t *p = layer.at(column, row);
      if (p[3] == 0)
        continue;
      uint8_t *to = pixel(image, layer.x + column, layer.y + row);
      for (int c = 0; c < 3; ++c)
        to[c] = clamp_byte(p[c] + product(to[c], 255 - p[3]));
    }
}

bool visible_box(const Layer &layer, const Image &image, int (&box)[4]) {
  const Clip part = clip(layer, image);
  int x0 = layer.width, y0 = layer.height, x1 = 0, y1 = 0;
  for (int row = part.y0; row < part.y1; ++row)
    for (int column = part.x0; column < part.x1; ++column)
      if (layer.at(column, row)[3] >= 96) {
        x0 = std::min(x0, column);
        x1 = std::max(x1, column + 1);
        y0 = std::min(y0, row);
        y1 = row + 1;
      }
  box[0] = layer.x + x0;
  box[1] = layer.y + y0;
  box[2] = layer.x + x1;
  box[3] = layer.y + y1;
  return x1 > x0;
}

Layer transform(const SpriteLevel &level, const Pose &pose, int margin) {
  const double c = std::cos(pose.angle), s = std::sin(pose.angle);
  const double half_width = (std::abs(c) * level.width + std::abs(s) * level.height) / 2;
  const double half_height = (std::abs(s) * level.width + std::abs(c) * level.height) / 2;
  const int x0 = static_cast<int>(std::floor(pose.cx - half_width * pose.scale)) - margin;
  const int y0 = static_cast<int>(std::floor(pose.cy - half_height * pose.scale)) - margin;
  const int x1 = static_cast<int>(std::ceil(pose.cx + half_width * pose.scale)) + margin;
  const int y1 = static_cast<int>(std::ceil(pose.cy + half_height * pose.scale)) + margin;
  Layer layer(x0, y0, x1 - x0, y1 - y0);
  const double flip = pose.mirror ? -1 : 1;
  // Level coordinates in 16.16 fixed point: of each row's first pixel, then a step per column.
  const double k = 65536 / pose.scale;
  const double dx = x0 + .5 - pose.cx, dy = y0 + .5 - pose.cy;
  const double u0 = flip * (c * dx + s * dy) * k + (level.width / 2.0 - .5) * 65536;
  const double v0 = (-s * dx + c * dy) * k + (level.height / 2.0 - .5) * 65536;
  const int du = static_cast<int>(std::lround(flip * k * c));
  const int dv = static_cast<int>(std::lround(-k * s));
  for (int row = 0; row < layer.height; ++row) {
    int u = static_cast<int>(u0 + flip * k * s * row), v = static_cast<int>(v0 + k * c * row);
    uint8_t *out = layer.at(0, row);
    for (int column = 0; column < layer.width; ++column, u += du, v += dv, out += 4)
      if (u > -65536 && v > -65536 && u < level.width * 65536 && v < level.height * 65536)
        sample(level, u >> 8, v >> 8, out);
  }
  return layer;
}

std::vector<uint8_t> dilated_alpha(const Layer &layer, double radius) {
  const int reach = static_cast<int>(std::ceil(radius));
  cv::Mat alpha(layer.height, layer.width, CV_8U), wide;
  for (int i = 0; i < layer.pixels(); ++i)
    alpha.data[i] = layer.rgba[static_cast<size_t>(i) * 4 + 3];
  const cv::Mat disc = cv::getStructuringElement(reach > 1 ? cv::MORPH_ELLIPSE : cv::MORPH_CROSS,
                                                 cv::Size(2 * reach + 1, 2 * reach + 1));
  cv::dilate(alpha, wide, disc, cv::Point(-1, -1), 1, cv::BORDER_CONSTANT, cv::Scalar(0));
  std::vector<uint8_t> result(wide.datastart, wide.dataend);
  const double share = radius - std::floor(radius); // of the next pixel
  if (share > 0) {
    cv::Mat inner;
    cv::erode(wide, inner, cv::getStructuringElement(cv::MORPH_CROSS, cv::Size(3, 3)));
    for (size_t i = 0; i < result.size(); ++i)
      result[i] =
          static_cast<uint8_t>(std::lround(inner.data[i] + share * (wide.data[i] - inner.data[i])));
  }
  return result;
}

void add_halo(Layer &layer, Rgb color, double radius) {
  const std::vector<uint8_t> wide = dilated_alpha(layer, radius);
  const int rim[3] = {color.r, color.g, color.b};
  for (size_t i = 0; i < wide.size(); ++i) {
    uint8_t *p = &layer.rgba[i * 4];
    const int below = product(wide[i], 255 - p[3]);
    for (int c = 0; c < 3; ++c)
      p[c] = clamp_byte(p[c] + product(rim[c], below));
    p[3] = clamp_byte(p[3] + below);
  }
}

void paint_shadow(Image &image, const Layer &layer, int dx, int dy, double strength) {
  cv::Mat alpha(layer.height, layer.width, CV_8U);
  for (int i = 0; i < layer.pixels(); ++i)
    alpha.data[i] = layer.rgba[static_cast<size_t>(i) * 4 + 3];
  cv::blur(alpha, alpha, cv::Size(5, 5), cv::Point(-1, -1), cv::BORDER_CONSTANT);
  Layer shadow(layer.x + dx, layer.y + dy, layer.width, layer.height);
  const int weight = static_cast<int>(strength * 255);
  for (int i = 0; i < layer.pixels(); ++i)
    shadow.rgba[static_cast<size_t>(i) * 4 + 3] =
        static_cast<uint8_t>(product(alpha.data[i], weight));
  paint(image, shadow);
}

double contrast(const Layer &layer, const Image &image) {
  const Clip part = clip(layer, image);
  int64_t sum = 0;
  int count = 0;
  for (int row = part.y0; row < part.y1; row += 2)
    for (int column = part.x0; column < part.x1; column += 2) {
      const uint8_t *p = layer.at(column, row);
      if (p[3] < 160)
        continue;
      const uint8_t *below = pixel(image, layer.x + column, layer.y + row);
      int difference = 0;
      for (int c = 0; c < 3; ++c)
        difference = std::max(difference, std::abs(p[c] * 255 / p[3] - below[c]));
      sum += difference;
      ++count;
    }
  return count == 0 ? 0 : static_cast<double>(sum) / count;
}

} // namespace vlm::scenes
