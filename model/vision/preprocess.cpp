// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/preprocess.h"

#include "model/compute/threads.h"
#include "model/core/error.h"
#include "model/vision/axis_taps.h"
#include "model/vision/bicubic.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/lerp.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace vlm {
namespace {

constexpr std::array<uint8_t, 3> kFill = {122, 116, 104}; // trunc(255 * mean)
constexpr std::array<double, 3> kMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kStd = {0.26862954, 0.26130258, 0.27577711};

constexpr int kMaxSide = 1 << 15; // bounds what lies between the two passes of a resize

void check(const Image &image) {
  if (std::max(image.width, image.height) > kMaxSide)
    fail(ErrorCategory::Data, "picture of ", image.width, "x", image.height,
         " pixels is too large: at most ", kMaxSide, " pixels a side");
  if (image.width <= 0 || image.height <= 0 ||
      image.rgb.size() != size_t(image.width) * size_t(image.height) * 3)
    fail(ErrorCategory::Data, "picture of ", image.width, "x", image.height, " pixels with ",
         image.rgb.size(), " bytes is unusable");
}

/// What normalize() makes of each value of a channel.
std::array<float, 256> normalized_values(size_t channel) {
  std::array<float, 256> values;
  for (size_t v = 0; v < values.size(); ++v)
    values[v] = float((double(v) / 255 - kMean[channel]) / kStd[channel]);
  return values;
}

/// pad_to_square and resize_bicubic without the square in between.
Image pad_and_resize(const Image &image, int size) {
  check(image);
  const int side = std::max(image.width, image.height);
  if (side == size)
    return pad_to_square(image);
  const Canvas canvas = {side, side, (side - image.width) / 2, (side - image.height) / 2, kFill};
  return bicubic(image, canvas, {size, 0, size}, {size, 0, size});
}

at::Tensor resize_axis(const at::Tensor &x, int64_t axis, int64_t size) {
  const int64_t in = x.size(axis);
  if (in == size)
    return x;
  at::Tensor low = at::empty({size}, at::kLong), high = at::empty({size}, at::kLong);
  at::Tensor part = at::empty({size}, at::kFloat);
  for (int64_t i = 0; i < size; ++i) {
    const BilinearSource source = bilinear_source(in, size, i);
    low.data_ptr<int64_t>()[i] = source.low;
    high.data_ptr<int64_t>()[i] = std::min(source.low + 1, in - 1);
    part.data_ptr<float>()[i] = source.part;
  }
  const auto select = [&](const at::Tensor &index) {
    return x.index_select(axis, index.to(x.device()));
  };
  std::vector<int64_t> shape(size_t(x.dim()), 1);
  shape[size_t(axis)] = size;
  return at::lerp(select(low), select(high), part.to(x.device(), x.scalar_type()).view(shape));
}

/// [1, 3, g * s, g * s] -> [1, g * g (+ 1), 3, s, s].
at::Tensor grid_views(const at::Tensor &lr, int64_t grid, int64_t size, bool global) {
  at::Tensor crops = lr.view({3, grid, size, grid, size})
                         .permute({1, 3, 0, 2, 4})
                         .reshape({1, grid * grid, 3, size, size});
  if (!global)
    return crops;
  return at::cat({crops, resize_bilinear(lr, size, size).unsqueeze(1)}, 1);
}

} // namespace

Image pad_to_square(const Image &image) {
  check(image);
  if (image.width == image.height)
    return image;
  Image square;
  square.width = square.height = std::max(image.width, image.height);
  const size_t side = size_t(square.width), row_bytes = size_t(image.width) * 3;
  square.rgb.resize(side * side * 3);
  for (size_t i = 0; i < side; ++i) // one row of the colour, copied below
    std::copy(kFill.begin(), kFill.end(), square.rgb.begin() + ptrdiff_t(i * 3));
  for (size_t y = 1; y < side; ++y)
    std::memcpy(&square.rgb[y * side * 3], square.rgb.data(), side * 3);
  const size_t left = (side - size_t(image.width)) / 2, top = (side - size_t(image.height)) / 2;
  for (size_t y = 0; y < size_t(image.height); ++y)
    std::memcpy(&square.rgb[((top + y) * side + left) * 3], &image.rgb[y * row_bytes], row_bytes);
  return square;
}

Image resize_bicubic(const Image &image, int width, int height) {
  check(image);
  return bicubic(image, {image.width, image.height}, {width, 0, width}, {height, 0, height});
}

Image resize_and_center_crop(const Image &image, int size) {
  check(image);
  const int shorter = std::min(image.width, image.height);
  const auto axis = [&](int length) {
    const int whole = int(int64_t(size) * length / shorter);
    return BicubicAxis{whole, (whole - size) / 2, size};
  };
  return bicubic(image, {image.width, image.height}, axis(image.width), axis(image.height));
}

at::Tensor normalize(const Image &image) {
  check(image);
  const int64_t pixels = int64_t(image.width) * image.height;
  at::Tensor out = at::empty({3, image.height, image.width}, at::kFloat);
  float *planes = out.data_ptr<float>();
  const std::array<std::array<float, 256>, 3> values = {normalized_values(0), normalized_values(1),
                                                        normalized_values(2)};
  parallel_for(0, pixels, kWorthElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (size_t c = 0; c < 3; ++c)
        planes[int64_t(c) * pixels + i] = values[c][image.rgb[size_t(i) * 3 + c]];
  });
  return out;
}

at::Tensor resize_bilinear(const at::Tensor &x, int64_t height, int64_t width) {
  return resize_axis(resize_axis(x, 2, height), 3, width);
}

PixelValues preprocess(const Image &image, const VisionConfig &config, int64_t lr_size) {
  const int64_t grid = config.image_grid;
  const int hr_size = int(config.image_size_aux ? config.image_size_aux : lr_size * grid);
  const Image hr_image = config.pad_to_square ? pad_and_resize(image, hr_size)
                                              : resize_and_center_crop(image, hr_size);
  const at::Tensor hr = normalize(hr_image).unsqueeze(0);
  PixelValues out;
  out.images = resize_bilinear(hr, lr_size * grid, lr_size * grid);
  if (grid > 1)
    out.images = grid_views(out.images, grid, lr_size, config.image_global);
  if (config.image_size_aux)
    out.images_aux = hr;
  return out;
}

} // namespace vlm
