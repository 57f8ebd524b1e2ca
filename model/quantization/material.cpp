// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/material.h"

#include "model/core/evenly.h"
#include "model/core/utf8.h"
#include "model/text/conversation.h"

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

namespace vlm {
namespace {

using Colour = std::array<int, 3>;

// A picture under the pencil.
class Canvas {
public:
  Canvas(int width, int height)
      : image_{width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3)} {}

  // From the colour at the top to the one at the bottom.
  void shade(const Colour &top, const Colour &bottom) {
    for_all([&](int, int y, int channel) {
      return top[channel] + (bottom[channel] - top[channel]) * y / image_.height;
    });
  }

  // Centre and half sizes in percent of the picture's.
  void box(int x, int y, int across, int up, const Colour &colour) {
    fill([&](int dx, int dy) { return std::abs(dx) < 100 * across && std::abs(dy) < 100 * up; }, x,
         y, colour);
  }
  void disc(int x, int y, int radius, const Colour &colour) {
    fill([&](int dx, int dy) { return dx * dx + dy * dy < 10000 * radius * radius; }, x, y, colour);
  }

  void grain(int most, uint32_t seed) {
    std::mt19937 random(seed);
    for (uint8_t &value : image_.rgb)
      value = static_cast<uint8_t>(std::clamp<int>(
          value + static_cast<int>(random() % static_cast<uint32_t>(2 * most + 1)) - most, 0, 255));
  }

  Image take() { return std::move(image_); }

private:
  template <typename Value> void for_all(const Value &value) {
    size_t i = 0;
    for (int y = 0; y < image_.height; ++y)
      for (int x = 0; x < image_.width; ++x)
        for (size_t channel = 0; channel < 3; ++channel)
          image_.rgb[i++] = static_cast<uint8_t>(value(x, y, channel));
  }
  // Where `inside` holds, which is given hundredths of percents from the centre.
  template <typename Inside> void fill(const Inside &inside, int x, int y, const Colour &colour) {
    for (int row = 0; row < image_.height; ++row)
      for (int column = 0; column < image_.width; ++column)
        if (inside(column * 10000 / image_.width - 100 * x, row * 10000 / image_.height - 100 * y))
          for (size_t channel = 0; channel < 3; ++channel)
            image_.rgb[(size_t(row) * size_t(image_.width) + size_t(column)) * 3 + channel] =
                static_cast<uint8_t>(colour[channel]);
  }
  Image image_;
};

Image landscape() {
  Canvas canvas(640, 400);
  canvas.shade({90, 150, 230}, {220, 230, 240});
  canvas.disc(80, 20, 7, {255, 240, 170});
  canvas.box(50, 85, 50, 16, {70, 130, 60});
  canvas.box(30, 62, 12, 14, {170, 80, 60});
  canvas.box(30, 68, 3, 8, {60, 40, 30});
  canvas.disc(66, 55, 9, {30, 90, 40});
  canvas.box(66, 70, 1, 10, {90, 60, 40});
  canvas.grain(6, 1);
  return canvas.take();
}

Image table() {
  Canvas canvas(420, 560);
  canvas.shade({235, 225, 205}, {180, 150, 110});
  canvas.box(50, 80, 46, 18, {120, 75, 40});
  for (int i = 0; i < 4; ++i)
    canvas.disc(20 + 20 * i, 58, 8, i % 2 ? Colour{200, 40, 40} : Colour{90, 170, 60});
  canvas.box(70, 25, 18, 14, {250, 250, 250});
  for (int line = 0; line < 5; ++line)
    canvas.box(70, 15 + 5 * line, 14, 1, {40, 40, 50});
  canvas.grain(3, 2);
  return canvas.take();
}

Image night() {
  Canvas canvas(500, 500);
  canvas.shade({5, 5, 20}, {30, 20, 40});
  for (int i = 0; i < 24; ++i)
    canvas.box(4 + i * 37 % 92, 40 + i * 23 % 50, 1, 2, {250, 220, 120});
  canvas.disc(25, 18, 6, {230, 230, 220});
  canvas.grain(12, 3);
  return canvas.take();
}

Image stripes() {
  Canvas canvas(700, 350);
  canvas.shade({255, 255, 255}, {255, 255, 255});
  for (int i = 0; i < 12; ++i)
    canvas.box(4 + 8 * i, 50, 2, 50, {20 * i, 255 - 20 * i, 128});
  canvas.disc(50, 50, 12, {0, 0, 0});
  return canvas.take();
}

} // namespace

std::vector<Image> bundled_pictures() { return {landscape(), table(), night(), stripes()}; }

std::vector<std::string> pieces_of(const std::vector<std::string> &texts) {
  std::vector<std::string> out;
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<std::string_view> all;
    for (std::string_view rest = texts[i]; !rest.empty(); rest.remove_prefix(all.back().size()))
      all.push_back(
          rest.substr(0, std::max<size_t>(1, utf8_valid_prefix(rest.substr(0, kPieceBytes)))));
    const size_t share = (i + 1) * kMostPieces / texts.size() - i * kMostPieces / texts.size();
    for (const size_t place : evenly(all.size(), share))
      out.emplace_back(all[place]);
  }
  return out;
}

Material make_material(const Tokenizer &tokenizer, const std::string &template_name,
                       const std::vector<std::string> &texts,
                       std::vector<std::function<Image()>> pictures) {
  static const std::array questions = {
      "Describe the picture in detail.", "What is in the foreground, and what is behind it?",
      "Which colors do you see, and where?", "Is there any text? If so, what does it say?"};
  Material out;
  for (const std::string &text : bundled_texts())
    out.prompts.push_back(tokenizer.encode(text));
  for (const std::string &piece : pieces_of(texts))
    out.prompts.push_back(tokenizer.encode(piece));
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::vector<Turn> turns = {{with_images(questions[i % questions.size()], 1), {}}};
    out.prompts.push_back(tokenize_prompt(tokenizer, render(template_name, turns)));
  }
  out.pictures = std::move(pictures);
  return out;
}

} // namespace vlm
