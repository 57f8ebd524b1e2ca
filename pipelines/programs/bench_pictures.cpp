// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/bench_pictures.h"

#include <random>

namespace vlm {

Image bench_picture(int64_t stream, int64_t number) {
  Image image;
  image.width = 768;
  image.height = 576;
  std::minstd_rand random(static_cast<unsigned>(1 + 1000 * stream + number));
  const int slope = 1 + static_cast<int>(random() % 7);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int channel = 0; channel < 3; ++channel)
        image.rgb.push_back(
            static_cast<uint8_t>(slope * x / 8 + (channel + 1) * y / 4 + random() % 32));
  return image;
}

} // namespace vlm
