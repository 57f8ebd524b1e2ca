// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/contact_sheet.h"

#include "model/core/error.h"
#include "model/training/scenes/questions.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>

namespace vlm::scenes {
namespace {

constexpr int caption_height = 44;

cv::Scalar id_color(int id) {
  const Rgb c = from_hsv(id * 137 % 360, .8, .95);
  return {double(c.r), double(c.g), double(c.b)};
}

/// The padded square at HR size.
cv::Mat3b square_of(const Image &image) {
  const int side = std::max(image.width, image.height);
  cv::Mat3b square(side, side, cv::Vec3b(122, 116, 104)), result;
  const cv::Mat3b picture(image.height, image.width,
                          reinterpret_cast<cv::Vec3b *>(const_cast<uint8_t *>(image.rgb.data())));
  picture.copyTo(square(
      cv::Rect((side - image.width) / 2, (side - image.height) / 2, image.width, image.height)));
  cv::resize(square, result, {hr_side, hr_side}, 0, 0, cv::INTER_AREA);
  return result;
}

cv::Mat3b map_of(const Scene &scene, const DenseLabels &labels) {
  cv::Mat3b map(hr_side, hr_side, cv::Vec3b(40, 40, 40));
  for (int i = 0; i < map_side * map_side; ++i) {
    const auto k = static_cast<size_t>(i);
    const cv::Rect cell(i % map_side * cell_side, i / map_side * cell_side, cell_side, cell_side);
    if (scene.ids[k] != 0)
      cv::rectangle(map, cell, id_color(scene.ids[k]), cv::FILLED);
    if (labels.cell_letter[k] != 0)
      cv::rectangle(map, cell, {255, 255, 255}, 1);
  }
  for (const Thing &thing : scene.things)
    for (const Glyph &glyph : thing.glyphs)
      cv::putText(map, std::string(1, glyph.letter),
                  {static_cast<int>(glyph.box.x0), static_cast<int>(glyph.box.y1)},
                  cv::FONT_HERSHEY_PLAIN, .8, {0, 0, 0});
  return map;
}

void draw_boxes(cv::Mat3b &picture, const Scene &scene) {
  for (size_t i = 0; i < scene.things.size(); ++i) {
    const Thing &thing = scene.things[i];
    const Box &box = thing.hr_box;
    cv::rectangle(picture, cv::Point(static_cast<int>(box.x0), static_cast<int>(box.y0)),
                  cv::Point(static_cast<int>(box.x1), static_cast<int>(box.y1)),
                  id_color(static_cast<int>(i) + 1), 1);
    if (thing.color != Color::None)
      cv::putText(picture, name(thing.color),
                  {static_cast<int>(box.x0) + 2, static_cast<int>(box.y0) + 10},
                  cv::FONT_HERSHEY_PLAIN, .7, {255, 0, 255});
  }
}

void write_caption(cv::Mat3b tile, const std::string &text) {
  const size_t per_line = static_cast<size_t>(tile.cols / 6);
  for (size_t line = 0; line * per_line < text.size(); ++line)
    cv::putText(tile, text.substr(line * per_line, per_line), {2, static_cast<int>(11 + 11 * line)},
                cv::FONT_HERSHEY_PLAIN, .75, {0, 0, 0}, 1, cv::LINE_AA);
}

} // namespace

void write_contact_sheet(const Assets &assets, const ContactSheet &sheet, const std::string &path) {
  const int width = hr_side * (sheet.maps ? 2 : 1) + 6, height = hr_side + caption_height;
  cv::Mat3b picture(sheet.rows * height, sheet.columns * width, cv::Vec3b(255, 255, 255));
  SceneMaker maker(assets, sheet.options);
  for (int i = 0; i < sheet.rows * sheet.columns; ++i) {
    const Scene scene = maker(sheet.mix, sheet.seed, static_cast<uint64_t>(i));
    cv::Mat3b tile =
        picture(cv::Rect(i % sheet.columns * width, i / sheet.columns * height, width, height));
    cv::Mat3b square = square_of(scene.image);
    if (sheet.maps) {
      draw_boxes(square, scene);
      const cv::Rect beside(hr_side + 2, 0, hr_side, hr_side);
      map_of(scene, dense_labels(scene, assets.categories.size())).copyTo(tile(beside));
    }
    square.copyTo(tile(cv::Rect(0, 0, hr_side, hr_side)));
    write_caption(tile(cv::Rect(0, hr_side, width, caption_height)),
                  caption(scene, assets.categories));
  }
  cv::cvtColor(picture, picture, cv::COLOR_RGB2BGR);
  if (!cv::imwrite(path, picture))
    fail(ErrorCategory::Unreadable, path, ": cannot be written");
}

} // namespace vlm::scenes
