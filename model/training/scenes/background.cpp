// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/background.h"

#include "model/training/scenes/color.h"
#include "model/training/scenes/layer.h"

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>

namespace vlm::scenes {
namespace {

cv::Vec3b vec(Rgb c) { return {c.r, c.g, c.b}; }
cv::Scalar scalar(Rgb c) { return {double(c.r), double(c.g), double(c.b)}; }

/// Mostly soft colors; now and then any.
Rgb any_tone(Random &random) {
  const double h = random.uniform(0, 360);
  switch (random.below(4)) {
  case 0:
    return from_hsv(h, random.uniform(0, .25), random.uniform(.6, 1)); // pale
  case 1:
    return from_hsv(h, random.uniform(.2, .6), random.uniform(.3, .9)); // muted
  case 2:
    return from_hsv(h, random.uniform(0, .6), random.uniform(.08, .45)); // dark
  default:
    return from_hsv(h, random.uniform(.3, 1), random.uniform(.4, 1)); // strong
  }
}

Rgb near_tone(Rgb c, int spread, Random &random) {
  const int shift = random.between(-spread, spread);
  const auto move = [&](int v) {
    return clamp_byte(v + shift + random.between(-spread, spread) / 3);
  };
  return {move(c.r), move(c.g), move(c.b)};
}

Rgb mix(Rgb a, Rgb b, double t) {
  const auto part = [&](int x, int y) { return clamp_byte(static_cast<int>(x + (y - x) * t)); };
  return {part(a.r, b.r), part(a.g, b.g), part(a.b, b.b)};
}

/// Smooth random values 0..1: a coarse grid, enlarged. `octaves` halve size and strength each.
cv::Mat1f smooth_noise(cv::Size size, double period, int octaves, Random &random) {
  cv::Mat1f sum(size, 0.f), layer;
  float weight = 1, total = 0;
  for (int k = 0; k < octaves; ++k, period /= 2, weight /= 2) {
    cv::Mat1f grid(static_cast<int>(size.height / period) + 3,
                   static_cast<int>(size.width / period) + 3);
    for (float &value : grid)
      value = static_cast<float>(random.uniform());
    cv::resize(grid, layer, size, 0, 0, cv::INTER_CUBIC);
    cv::scaleAdd(layer, weight, sum, sum);
    total += weight;
  }
  sum *= 1 / total;
  return sum;
}

/// Colors along a path of `stops`, by value 0..1.
class Ramp {
public:
  Ramp(std::initializer_list<Rgb> stops) {
    const std::vector<Rgb> list(stops);
    const int parts = static_cast<int>(list.size()) - 1;
    for (int i = 0; i < 256; ++i) {
      const double t = i * parts / 255.0;
      const int k = std::min(parts - 1, static_cast<int>(t));
      table_[i] = vec(mix(list[static_cast<size_t>(k)], list[static_cast<size_t>(k) + 1], t - k));
    }
  }
  cv::Vec3b operator()(float value) const {
    return table_[static_cast<int>(std::clamp(value, 0.f, 1.f) * 255)];
  }
  cv::Mat3b operator()(const cv::Mat1f &values) const {
    cv::Mat3b picture(values.size());
    std::transform(values.begin(), values.end(), picture.begin(),
                   [&](float v) { return (*this)(v); });
    return picture;
  }

private:
  cv::Vec3b table_[256];
};

void add_noise(cv::Mat3b &picture, int amplitude, Random &random) {
  uint64_t state = random.bits() | 1;
  for (cv::Vec3b &p : picture) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const int noise = ((static_cast<int>((state >> 40) & 255) - 128) * amplitude) >> 7;
    for (int c = 0; c < 3; ++c)
      p[c] = clamp_byte(p[c] + noise);
  }
}

cv::Mat3b flat(cv::Size size, Random &random) { return {size, vec(any_tone(random))}; }

cv::Mat3b linear_gradient(cv::Size size, Random &random) {
  const double angle = random.uniform(0, 2 * M_PI);
  const float c = static_cast<float>(std::cos(angle)), s = static_cast<float>(std::sin(angle));
  const float reach = std::abs(c) * size.width + std::abs(s) * size.height;
  const Rgb first = any_tone(random);
  const Ramp ramp{first, random.chance(.5) ? near_tone(first, 70, random) : any_tone(random)};
  cv::Mat3b picture(size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      picture(y, x) =
          ramp(.5f + (c * (x - size.width / 2.f) + s * (y - size.height / 2.f)) / reach);
  return picture;
}

cv::Mat3b radial_gradient(cv::Size size, Random &random) {
  const float cx = static_cast<float>(random.uniform(0, size.width));
  const float cy = static_cast<float>(random.uniform(0, size.height));
  const float reach =
      static_cast<float>(random.uniform(.5, 1.2) * std::max(size.width, size.height));
  const Rgb first = any_tone(random);
  const Ramp ramp{first, near_tone(first, 90, random)};
  cv::Mat3b picture(size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      picture(y, x) = ramp(std::hypot(x - cx, y - cy) / reach);
  return picture;
}

cv::Mat3b soft_noise(cv::Size size, Random &random) {
  const double period = random.uniform(20, 110);
  return Ramp{any_tone(random), any_tone(random),
              any_tone(random)}(smooth_noise(size, period, random.between(1, 3), random));
}

cv::Mat3b clouds_of_tone(cv::Size size, Random &random) {
  const Rgb tone = any_tone(random);
  return Ramp{near_tone(tone, 60, random), near_tone(tone, 60, random)}(
      smooth_noise(size, random.uniform(12, 60), random.between(3, 5), random));
}

/// Two areas with a wavy or straight border: sky over grass, sea before sand.
cv::Mat3b two_areas(cv::Size size, const Ramp &upper, const Ramp &lower, double border,
                    double waviness, Random &random) {
  const cv::Mat1f noise = smooth_noise(size, random.uniform(8, 30), 2, random);
  const double frequency = random.uniform(.5, 3) * 2 * M_PI / size.width;
  const double phase = random.uniform(0, 2 * M_PI);
  std::vector<float> edges;
  for (int x = 0; x < size.width; ++x)
    edges.push_back(static_cast<float>(
        size.height * (border + waviness * std::sin(frequency * x + phase)) + .5));
  cv::Mat3b picture(size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const float edge = edges[static_cast<size_t>(x)], row = static_cast<float>(y);
      const float within =
          row < edge ? row / edge : (row - edge) / (static_cast<float>(size.height) - edge + 1);
      picture(y, x) = (row < edge ? upper : lower)(.7f * within + .3f * noise(y, x));
    }
  return picture;
}

cv::Mat3b sky_and_grass(cv::Size size, Random &random) {
  const double h = random.uniform(195, 225), g = random.uniform(75, 130);
  const Ramp sky{from_hsv(h, random.uniform(.3, .7), random.uniform(.7, 1)),
                 from_hsv(h, random.uniform(.05, .3), random.uniform(.85, 1))};
  const Ramp grass{from_hsv(g, random.uniform(.3, .6), random.uniform(.5, .8)),
                   from_hsv(g, random.uniform(.5, .8), random.uniform(.3, .6))};
  return two_areas(size, sky, grass, random.uniform(.3, .75), random.uniform(0, .06), random);
}

cv::Mat3b sea_and_sand(cv::Size size, Random &random) {
  const double h = random.uniform(180, 220);
  const Ramp sea{from_hsv(h, random.uniform(.2, .5), random.uniform(.7, 1)),
                 from_hsv(h, random.uniform(.5, .9), random.uniform(.4, .8))};
  const Rgb sand =
      from_hsv(random.uniform(35, 50), random.uniform(.2, .5), random.uniform(.75, .95));
  const Ramp beach{sand, near_tone(sand, 25, random)};
  return two_areas(size, sea, beach, random.uniform(.35, .75), random.uniform(0, .04), random);
}

cv::Mat3b room(cv::Size size, Random &random) {
  const Rgb wall = any_tone(random), floor = any_tone(random);
  const double border = random.uniform(.5, .85);
  cv::Mat3b picture = two_areas(size, {wall, near_tone(wall, 20, random)},
                                {floor, near_tone(floor, 35, random)}, border, 0, random);
  if (random.chance(.4)) { // wallpaper's or panel's lines
    const int step = random.between(10, 40);
    const cv::Vec3b tone = vec(near_tone(wall, 25, random));
    for (int x = random.below(step); x < size.width; x += step)
      picture(cv::Rect(x, 0, 1, static_cast<int>(size.height * border))).setTo(tone);
  }
  if (random.chance(.5)) // skirting board
    cv::rectangle(picture, cv::Rect(0, static_cast<int>(size.height * border), size.width, 3),
                  scalar(near_tone(wall, 60, random)), cv::FILLED);
  return picture;
}

/// One color per period along a turned axis; `across` gives a check.
cv::Mat3b weave(cv::Size size, bool across, Random &random) {
  const Rgb first = any_tone(random);
  const cv::Vec3b a = vec(first), b = vec(near_tone(first, 60, random));
  const double angle = random.chance(.5) ? 0 : random.uniform(0, M_PI);
  const double c = std::cos(angle), s = std::sin(angle), period = random.uniform(6, 50);
  cv::Mat3b picture(size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      int k = static_cast<int>(std::floor((c * x + s * y) / period));
      if (across)
        k += static_cast<int>(std::floor((c * y - s * x) / period));
      picture(y, x) = (k & 1) != 0 ? a : b;
    }
  return picture;
}
cv::Mat3b stripes(cv::Size size, Random &random) { return weave(size, false, random); }
cv::Mat3b checks(cv::Size size, Random &random) { return weave(size, true, random); }

cv::Mat3b night(cv::Size size, Random &random) {
  const double h = random.uniform(200, 280);
  const Ramp ramp{from_hsv(h, random.uniform(.4, .9), random.uniform(.02, .12)),
                  from_hsv(h, random.uniform(.3, .9), random.uniform(.12, .4))};
  cv::Mat3b picture = two_areas(size, ramp, ramp, 1, 0, random);
  for (int i = random.between(20, 120); i > 0; --i) {
    const auto light = static_cast<uint8_t>(random.between(120, 255));
    picture(random.below(size.height), random.below(size.width)) = {light, light, light};
  }
  return picture;
}

cv::Mat3b paper(cv::Size size, Random &random) {
  cv::Mat3b picture(size, vec(any_tone(random)));
  add_noise(picture, random.between(8, 50), random);
  if (random.chance(.5))
    cv::blur(picture, picture, cv::Size(3, random.chance(.5) ? 3 : 1));
  return picture;
}

cv::Mat3b small_dots(cv::Size size, Random &random) {
  const Rgb ground = any_tone(random);
  const cv::Scalar dot = scalar(near_tone(ground, 50, random));
  cv::Mat3b picture(size, vec(ground));
  const int pitch = random.between(8, 24), radius = std::max(1, pitch / random.between(4, 7));
  for (int y = 0, odd = 0; y < size.height + pitch; y += pitch, odd ^= 1)
    for (int x = odd * pitch / 2; x < size.width + pitch; x += pitch)
      cv::circle(picture, {x, y}, radius, dot, cv::FILLED, cv::LINE_AA);
  return picture;
}

/// Cells around random points, each with a tone of its own.
cv::Mat3b voronoi(cv::Size size, Random &random) {
  const int cell = random.between(14, 60);
  const int columns = size.width / cell + 3, rows = size.height / cell + 3;
  const Rgb tone = any_tone(random);
  const int spread = random.between(8, 60);
  std::vector<cv::Point> points;
  std::vector<cv::Vec3b> colors;
  for (int i = 0; i < columns * rows; ++i) {
    points.emplace_back((i % columns - 1) * cell + random.below(cell),
                        (i / columns - 1) * cell + random.below(cell));
    colors.push_back(vec(near_tone(tone, spread, random)));
  }
  const auto nearest = [&](int x, int y) {
    int best = 0, distance = 1 << 30;
    for (int j = y / cell; j < y / cell + 3; ++j)
      for (int i = x / cell; i < x / cell + 3; ++i) {
        const cv::Point d = points[static_cast<size_t>(j * columns + i)] - cv::Point(x, y);
        if (d.dot(d) < distance) {
          distance = d.dot(d);
          best = j * columns + i;
        }
      }
    return colors[static_cast<size_t>(best)];
  };
  cv::Mat3b half(cv::Size((size.width + 1) / 2, (size.height + 1) / 2)), picture;
  for (int y = 0; y < half.rows; ++y)
    for (int x = 0; x < half.cols; ++x)
      half(y, x) = nearest(2 * x, 2 * y);
  cv::resize(half, picture, size, 0, 0, cv::INTER_LINEAR);
  return picture;
}

cv::Mat3b bricks(cv::Size size, Random &random) {
  const Rgb brick = random.chance(.6) ? from_hsv(random.uniform(5, 30), random.uniform(.2, .6),
                                                 random.uniform(.4, .8))
                                      : any_tone(random);
  cv::Mat3b picture(size, vec(near_tone(brick, 70, random)));
  const int height = random.between(8, 26), width = height * random.between(1, 3),
            joint = random.between(1, 2);
  const bool shifted = random.chance(.8);
  for (int y = 0, odd = 0; y < size.height; y += height, odd ^= 1)
    for (int x = shifted ? -odd * width / 2 : 0; x < size.width; x += width)
      cv::rectangle(picture, cv::Rect(x, y, width - joint, height - joint),
                    scalar(near_tone(brick, 22, random)), cv::FILLED);
  add_noise(picture, random.between(3, 20), random);
  return picture;
}

/// Bands that follow smooth noise: wood, marble or water by stretch and tone.
cv::Mat3b veins(cv::Size size, const Ramp &ramp, double bands, double bend, bool upright,
                Random &random) {
  const cv::Mat1f noise = smooth_noise(size, random.uniform(30, 90), 3, random);
  const cv::Mat1f fine = smooth_noise(size, 5, 1, random);
  float wave[256];
  for (int i = 0; i < 256; ++i)
    wave[i] = static_cast<float>(.5 + .4 * std::sin(i * 2 * M_PI / 256));
  const float step = static_cast<float>(256 * bands / (upright ? size.width : size.height));
  const float sway = static_cast<float>(256 * bend);
  cv::Mat3b picture(size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const float t = step * static_cast<float>(upright ? x : y) + sway * noise(y, x);
      picture(y, x) = ramp(wave[static_cast<int>(t) & 255] + .15f * (fine(y, x) - .5f));
    }
  return picture;
}

cv::Mat3b wood(cv::Size size, Random &random) {
  const double h = random.uniform(18, 38);
  const Rgb dark = from_hsv(h, random.uniform(.4, .75), random.uniform(.25, .5));
  const Ramp ramp{dark, from_hsv(h, random.uniform(.3, .6), random.uniform(.5, .85))};
  const bool upright = random.chance(.5);
  cv::Mat3b picture =
      veins(size, ramp, random.uniform(3, 12), random.uniform(1, 4), upright, random);
  if (random.chance(.6)) { // joints between planks
    const int step = random.between(24, 70);
    for (int at = random.below(step); at < (upright ? size.width : size.height); at += step)
      cv::rectangle(picture,
                    upright ? cv::Rect(at, 0, 1, size.height) : cv::Rect(0, at, size.width, 1),
                    scalar(mix(dark, {0, 0, 0}, .4)), cv::FILLED);
  }
  return picture;
}

cv::Mat3b marble(cv::Size size, Random &random) {
  const Rgb tone = any_tone(random);
  return veins(size, {tone, near_tone(tone, 60, random)}, random.uniform(0, 4),
               random.uniform(1, 5), random.chance(.5), random);
}

cv::Mat3b water(cv::Size size, Random &random) {
  const double h = random.uniform(170, 230);
  const Ramp ramp{from_hsv(h, random.uniform(.4, .9), random.uniform(.3, .7)),
                  from_hsv(h, random.uniform(.2, .6), random.uniform(.6, 1))};
  return veins(size, ramp, random.uniform(6, 20), random.uniform(.5, 2), false, random);
}

/// Out-of-focus lights or leaves: large soft spots.
cv::Mat3b spots(cv::Size size, Random &random) {
  const int shrink = random.between(4, 8);
  const Rgb ground = any_tone(random), tone = any_tone(random);
  cv::Mat3b small(cv::Size(size.width / shrink + 2, size.height / shrink + 2), vec(ground)),
      picture;
  for (int i = random.between(10, 60); i > 0; --i)
    cv::ellipse(small, {random.below(small.cols), random.below(small.rows)},
                {random.between(1, 5), random.between(1, 5)}, random.uniform(0, 180), 0, 360,
                scalar(near_tone(random.chance(.5) ? tone : ground, 50, random)), cv::FILLED);
  cv::blur(small, small, cv::Size(3, 3));
  cv::resize(small, picture, size, 0, 0, cv::INTER_CUBIC);
  return picture;
}

/// Many short strokes: grass, fur, straw, gravel.
cv::Mat3b strokes(cv::Size size, Random &random) {
  const Rgb tone = any_tone(random);
  cv::Mat3b picture(size, vec(tone));
  const double angle = random.uniform(0, M_PI), spread = random.uniform(0, .8);
  const double length = random.uniform(3, 16);
  const int contrast = random.between(15, 60);
  for (int i = size.area() / random.between(60, 200); i > 0; --i) {
    const double a = angle + random.uniform(-spread, spread);
    const cv::Point from(random.below(size.width), random.below(size.height));
    const cv::Point to(from.x + static_cast<int>(length * std::cos(a)),
                       from.y + static_cast<int>(length * std::sin(a)));
    cv::line(picture, from, to, scalar(near_tone(tone, contrast, random)));
  }
  if (random.chance(.5))
    cv::blur(picture, picture, cv::Size(3, 3));
  return picture;
}

/// Overlapping soft-edged areas, as paper cut-outs or hills.
cv::Mat3b hills(cv::Size size, Random &random) {
  cv::Mat3b picture = linear_gradient(size, random);
  const int layers = random.between(1, 4);
  const Rgb tone = any_tone(random);
  for (int k = 0; k < layers; ++k) {
    const double base = size.height * (1 - .8 * (layers - k) / (layers + 1.0));
    const double a = random.uniform(2, 22), f = random.uniform(.5, 2.5) * 2 * M_PI / size.width;
    const double phase = random.uniform(0, 6.3);
    const cv::Scalar color = scalar(near_tone(tone, 45, random));
    std::vector<cv::Point> ridge = {{size.width, size.height}, {0, size.height}};
    for (int x = 0; x <= size.width; x += 2)
      ridge.emplace_back(x, static_cast<int>(base + a * std::sin(f * x + phase)));
    cv::fillPoly(picture, std::vector<std::vector<cv::Point>>{ridge}, color, cv::LINE_AA);
  }
  return picture;
}

cv::Mat3b grid_lines(cv::Size size, Random &random) {
  const Rgb ground = any_tone(random);
  const cv::Scalar line = scalar(near_tone(ground, 60, random));
  cv::Mat3b picture(size, vec(ground));
  const int step = random.between(8, 40), width = random.between(1, 2);
  for (int x = random.below(step); x < size.width; x += step)
    cv::rectangle(picture, cv::Rect(x, 0, width, size.height), line, cv::FILLED);
  if (random.chance(.8))
    for (int y = random.below(step); y < size.height; y += step)
      cv::rectangle(picture, cv::Rect(0, y, size.width, width), line, cv::FILLED);
  return picture;
}

cv::Mat3b fine_noise(cv::Size size, Random &random) {
  const Rgb tone = any_tone(random);
  return Ramp{near_tone(tone, 60, random),
              near_tone(tone, 60, random)}(smooth_noise(size, random.uniform(2, 6), 1, random));
}

using Family = cv::Mat3b (*)(cv::Size, Random &);
constexpr Family families[] = {flat,           linear_gradient, radial_gradient, soft_noise,
                               clouds_of_tone, sky_and_grass,   sea_and_sand,    room,
                               stripes,        checks,          night,           paper,
                               small_dots,     voronoi,         bricks,          wood,
                               marble,         water,           spots,           strokes,
                               hills,          grid_lines,      fine_noise};

/// A random part of a photograph, blurred by reducing and enlarging it.
cv::Mat3b photograph_crop(cv::Size size, const Image &photograph, Random &random) {
  const cv::Mat3b whole(
      photograph.height, photograph.width,
      reinterpret_cast<cv::Vec3b *>(const_cast<uint8_t *>(photograph.rgb.data())));
  const double share = random.uniform(.2, .6) * std::min(whole.cols, whole.rows);
  const double longer = std::max(size.width, size.height);
  const int width = std::max(4, static_cast<int>(share * size.width / longer));
  const int height = std::max(4, static_cast<int>(share * size.height / longer));
  const cv::Rect part(random.below(whole.cols - width + 1), random.below(whole.rows - height + 1),
                      width, height);
  cv::Mat3b small, picture;
  const double blur = random.uniform(2, 10); // output pixels that become one
  const cv::Size reduced(std::clamp(static_cast<int>(size.width / blur), 4, width),
                         std::clamp(static_cast<int>(size.height / blur), 4, height));
  cv::resize(whole(part), small, reduced, 0, 0, cv::INTER_AREA);
  cv::resize(small, picture, size, 0, 0, cv::INTER_CUBIC);
  return picture;
}

void change_light(cv::Mat3b &picture, Random &random) {
  const int gain = static_cast<int>(random.uniform(.75, 1.15) * 256);
  const int offset = static_cast<int>(random.uniform(-15, 15) * 256);
  uint8_t table[256];
  for (int i = 0; i < 256; ++i)
    table[i] = clamp_byte((i * gain + offset) >> 8);
  for (cv::Vec3b &p : picture)
    p = {table[p[0]], table[p[1]], table[p[2]]};
  if (random.chance(.5))
    cv::flip(picture, picture, 1);
}

Image to_image(const cv::Mat3b &picture) {
  Image image;
  image.width = picture.cols;
  image.height = picture.rows;
  image.rgb.assign(picture.datastart, picture.dataend);
  return image;
}

} // namespace

const int background_families = static_cast<int>(std::size(families));

Image draw_family(int family, int width, int height, Random &random) {
  return to_image(families[family](cv::Size(width, height), random));
}

Image draw_plain_background(int width, int height, Random &random) {
  constexpr Family plain[] = {flat, linear_gradient, radial_gradient};
  return to_image(random.pick(plain)(cv::Size(width, height), random));
}

Image draw_background(int width, int height, const std::vector<Image> &photographs,
                      Random &random) {
  const cv::Size size(width, height);
  cv::Mat3b picture = !photographs.empty() && random.chance(.3)
                          ? photograph_crop(size, random.pick(photographs), random)
                          : random.pick(families)(size, random);
  change_light(picture, random);
  return to_image(picture);
}

} // namespace vlm::scenes
