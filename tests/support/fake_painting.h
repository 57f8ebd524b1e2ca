// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/painter.h"

#include <algorithm>
#include <functional>

namespace vlm::test {

/// Of a prompt and a seed, as the fake engine paints it: the red of every pixel.
inline uint8_t red_of(const std::string &prompt, uint64_t seed) {
  unsigned sum = static_cast<unsigned>(seed) * 31;
  for (const char letter : prompt)
    sum = sum * 33 + static_cast<unsigned char>(letter);
  return static_cast<uint8_t>(sum);
}

constexpr int64_t kFakeTokens = 75; ///< words, that is

/// Red says what was asked, green and blue say where a pixel was before it was cropped.
inline Painting fake_painting(const PaintRequest &request) {
  Painting out;
  out.image.width = request.width;
  out.image.height = request.height;
  for (int y = 0; y < request.height; ++y)
    for (int x = 0; x < request.width; ++x)
      for (const int value : {static_cast<int>(red_of(request.prompt, request.seed)), x, y})
        out.image.rgb.push_back(static_cast<uint8_t>(value));
  const auto cut = [](const std::string &text) {
    const int64_t words = 1 + std::count(text.begin(), text.end(), ' ');
    return std::max<int64_t>(0, words - kFakeTokens);
  };
  out.cut = cut(request.prompt);
  out.negative_cut = cut(request.negative_prompt);
  return out;
}

} // namespace vlm::test
