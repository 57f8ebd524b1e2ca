// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/preprocess.h"

#include "model/core/error.h"
#include "tests/support/fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>

namespace vlm {
namespace {

Image to_image(const at::Tensor &hwc) {
  const at::Tensor bytes = hwc.contiguous();
  Image image;
  image.height = int(bytes.size(0));
  image.width = int(bytes.size(1));
  image.rgb.assign(bytes.data_ptr<uint8_t>(), bytes.data_ptr<uint8_t>() + bytes.numel());
  return image;
}

at::Tensor to_tensor(const Image &image) {
  return at::from_blob(const_cast<uint8_t *>(image.rgb.data()), {image.height, image.width, 3},
                       at::kByte)
      .clone();
}

Image pattern(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.rgb.resize(size_t(width) * size_t(height) * 3);
  for (size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = uint8_t(i * 2654435761u >> 13);
  return image;
}

TEST(Bicubic, EqualsPillow) {
  const test::Fixture fixture("micro/bicubic.safetensors");
  int cases = 0;
  for (; fixture.contains(std::to_string(cases) + ".input"); ++cases) {
    const std::string k = std::to_string(cases);
    const at::Tensor want = fixture[k + ".output"];
    const Image got =
        resize_bicubic(to_image(fixture[k + ".input"]), int(want.size(1)), int(want.size(0)));
    EXPECT_TRUE(at::equal(to_tensor(got), want)) << "case " << k;
  }
  EXPECT_EQ(cases, 8);
}

TEST(Preprocess, PadAndCropFixtures) {
  const test::Fixture fixture("micro/preprocess.safetensors");
  for (const std::string k : {"0", "1", "2"}) {
    const Image input = to_image(fixture[k + ".input"]);
    const Image square = pad_to_square(input);
    EXPECT_TRUE(at::equal(to_tensor(square), fixture[k + ".square"])) << k;
    double pad = 0, crop = 0;
    EXPECT_TRUE(
        test::near(normalize(resize_bicubic(square, 48, 48)), fixture[k + ".pad"], 5e-6, &pad));
    EXPECT_TRUE(test::near(normalize(resize_and_center_crop(input, 48)), fixture[k + ".crop"], 5e-6,
                           &crop));
    std::printf("micro/preprocess %s: pad %.2g crop %.2g\n", k.c_str(), pad, crop);
  }
}

TEST(Preprocess, BilinearFixtures) {
  const test::Fixture fixture("micro/bilinear.safetensors");
  for (const std::string k : {"0", "1", "2", "3"}) {
    const at::Tensor want = fixture[k + ".output"];
    double worst = 0;
    EXPECT_TRUE(test::near(resize_bilinear(fixture[k + ".input"], want.size(2), want.size(3)), want,
                           1e-5, &worst));
    std::printf("micro/bilinear %s: %.2g\n", k.c_str(), worst);
  }
}

TEST(Preprocess, CropEqualsWholeResize) {
  const Image input = pattern(61, 97);
  const at::Tensor whole = to_tensor(resize_bicubic(input, 40, 63)); // int(40 * 97 / 61)
  EXPECT_TRUE(at::equal(to_tensor(resize_and_center_crop(input, 40)), whole.slice(0, 11, 51)));
}

TEST(Preprocess, PadsLikeTheSquare) {
  VisionConfig config;
  config.image_size_aux = 48;
  for (const auto &[w, h] :
       {std::pair{100, 61}, {61, 100}, {7, 30}, {31, 8}, {48, 20}, {48, 48}, {300, 3}}) {
    const Image square = pad_to_square(pattern(w, h));
    const at::Tensor want = normalize(resize_bicubic(square, 48, 48)).unsqueeze(0);
    EXPECT_TRUE(at::equal(preprocess(pattern(w, h), config, 24).images_aux, want)) << w << "x" << h;
  }
}

TEST(Preprocess, LongThinPicturesTakeLittleMemory) {
  VisionConfig config;
  config.image_size_aux = 64;
  for (const auto &[w, h] : {std::pair{32768, 1}, {1, 32768}}) // squares of 3 GB
    EXPECT_EQ(preprocess(pattern(w, h), config, 56).images_aux.size(2), 64);
}

TEST(Preprocess, DegeneratePictures) {
  VisionConfig config;
  config.image_size_aux = 128;
  for (const bool pad : {true, false}) {
    config.pad_to_square = pad;
    for (const auto &[w, h] : {std::pair{1, 1}, {3, 3}, {1, 4000}, {4000, 1}, {2, 3}}) {
      const PixelValues out = preprocess(pattern(w, h), config, 56);
      EXPECT_EQ(out.images.sizes(), at::IntArrayRef({1, 3, 56, 56}));
      EXPECT_EQ(out.images_aux.sizes(), at::IntArrayRef({1, 3, 128, 128}));
    }
  }
}

TEST(Preprocess, HdOrder) {
  VisionConfig config;
  config.image_size_aux = 256;
  config.image_grid = 2;
  config.image_global = true;
  const PixelValues out = preprocess(pattern(50, 70), config, 56);
  ASSERT_EQ(out.images.sizes(), at::IntArrayRef({1, 5, 3, 56, 56}));
  const at::Tensor lr = resize_bilinear(out.images_aux, 112, 112);
  EXPECT_TRUE(at::equal(out.images[0][1], lr[0].slice(1, 0, 56).slice(2, 56, 112)));
  EXPECT_TRUE(at::equal(out.images[0][2], lr[0].slice(1, 56, 112).slice(2, 0, 56)));
  EXPECT_TRUE(at::equal(out.images[0][4], resize_bilinear(lr, 56, 56)[0]));
}

void expect_data_error(const Image &image) {
  try {
    preprocess(image, VisionConfig(), 56);
    FAIL() << "no error";
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Data);
  }
}

TEST(Preprocess, RefusesUnusablePictures) {
  expect_data_error(Image());
  Image cut = pattern(5, 5);
  cut.rgb.pop_back();
  expect_data_error(cut);
  expect_data_error(pattern(40000, 1));
}

} // namespace
} // namespace vlm
