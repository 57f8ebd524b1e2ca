// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/image_file.h"

#include "model/core/error.h"
#include "model/core/mapped_file.h"

#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

#include <cstdio>
#include <fstream>
#include <unistd.h>

namespace vlm {
namespace {

/// Writes files into a folder of its own, removed afterwards.
class ImageFile : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "vlm-image-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name + "/";
  }
  void TearDown() override {
    for (const std::string &name : written_)
      std::remove(name.c_str());
    rmdir(folder_.c_str());
  }

  std::string write(const std::string &name, const std::string &bytes) {
    const std::string path = folder_ + name;
    std::ofstream(path, std::ios::binary) << bytes;
    written_.push_back(path);
    return path;
  }
  std::string encode(const std::string &name, const cv::Mat &picture) {
    std::vector<uchar> bytes;
    cv::imencode(name.substr(name.rfind('.')), picture, bytes);
    return write(name, std::string(bytes.begin(), bytes.end()));
  }
  void expect_error(const std::string &path, ErrorCategory category, const std::string &text = "") {
    try {
      load_image(path);
      ADD_FAILURE() << "no error for " << path;
    } catch (const Error &error) {
      EXPECT_EQ(error.category(), category) << error.what();
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }

private:
  std::string folder_;
  std::vector<std::string> written_;
};

using Bytes = std::vector<uint8_t>;

TEST_F(ImageFile, ColoursInTheirOrder) {
  cv::Mat bgr(2, 1, CV_8UC3);
  bgr.at<cv::Vec3b>(0) = {3, 2, 1};
  bgr.at<cv::Vec3b>(1) = {30, 20, 10};
  for (const char *name : {"a.png", "a.bmp"}) {
    const Image image = load_image(encode(name, bgr));
    EXPECT_EQ(image.width, 1);
    EXPECT_EQ(image.height, 2);
    EXPECT_EQ(image.rgb, Bytes({1, 2, 3, 10, 20, 30})) << name;
  }
}

TEST_F(ImageFile, LossyFormats) {
  const cv::Mat grey(40, 30, CV_8UC3, cv::Scalar(100, 150, 200));
  for (const char *name : {"a.jpg", "a.webp"}) {
    const Image image = load_image(encode(name, grey));
    ASSERT_EQ(image.rgb.size(), size_t(40 * 30 * 3)) << name;
    EXPECT_NEAR(image.rgb[0], 200, 4);
    EXPECT_NEAR(image.rgb[1], 150, 4);
    EXPECT_NEAR(image.rgb[2], 100, 4);
  }
}

TEST_F(ImageFile, GreyIsRepeatedAndAlphaDropped) {
  EXPECT_EQ(load_image(encode("g.png", cv::Mat(1, 1, CV_8UC1, cv::Scalar(7)))).rgb,
            Bytes({7, 7, 7}));
  EXPECT_EQ(load_image(encode("a.png", cv::Mat(1, 1, CV_8UC4, cv::Scalar(3, 2, 1, 0)))).rgb,
            Bytes({1, 2, 3}));
}

TEST_F(ImageFile, SixteenBitsByTheirHighByte) {
  const cv::Mat wide(1, 1, CV_16UC3, cv::Scalar(0x0380, 0x02FF, 0x0100));
  EXPECT_EQ(load_image(encode("w.png", wide)).rgb, Bytes({1, 2, 3}));
  EXPECT_EQ(load_image(encode("g.png", cv::Mat(1, 1, CV_16UC1, cv::Scalar(0xFFFF)))).rgb,
            Bytes({255, 255, 255}));
}

std::string be(uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}

std::string chunk(const std::string &type, const std::string &body) {
  uint32_t crc = ~0u;
  for (const char c : type + body) {
    crc ^= uint8_t(c);
    for (int i = 0; i < 8; ++i)
      crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
  }
  return be(uint32_t(body.size())) + type + body + be(~crc);
}

const std::string kPngSignature = "\x89PNG\r\n\x1A\n";

std::string png_header(uint32_t width, uint32_t height, char depth, char color) {
  return kPngSignature +
         chunk("IHDR", be(width) + be(height) + std::string({depth, color, 0, 0, 0}));
}

TEST_F(ImageFile, PaletteIsExpanded) {
  // One pixel of index 1, deflated without compression; the entry is half transparent.
  const std::string raw("\x00\x01", 2);
  const std::string deflated =
      std::string("\x78\x01\x01\x02\x00\xFD\xFF", 7) + raw + be(0x00030002);
  const std::string file = png_header(1, 1, 8, 3) +
                           chunk("PLTE", std::string("\x00\x00\x00\x0A\x14\x1E", 6)) +
                           chunk("tRNS", "\xFF\x80") + chunk("IDAT", deflated) + chunk("IEND", "");
  EXPECT_EQ(load_image(write("p.png", file)).rgb, Bytes({10, 20, 30}));
}

TEST_F(ImageFile, ExifOrientationIsIgnored) {
  const std::string jpeg =
      read_file(encode("plain.jpg", cv::Mat(8, 16, CV_8UC3, cv::Scalar(9, 9, 9))));
  const std::string exif("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
                         32);
  const std::string length = {0, char(exif.size() + 2)};
  const Image turned = load_image(
      write("turned.jpg", jpeg.substr(0, 2) + "\xFF\xE1" + length + exif + jpeg.substr(2)));
  EXPECT_EQ(turned.width, 16);
  EXPECT_EQ(turned.height, 8);
}

TEST_F(ImageFile, TooLargeIsRefusedByItsHeader) {
  expect_error(write("huge.png", png_header(20000, 20000, 8, 2)), ErrorCategory::Data,
               "20000x20000");
  std::string bmp(64, '\0');
  bmp.replace(0, 2, "BM");
  bmp[14] = 40;
  bmp.replace(18, 8, std::string("\xFF\xFF\xFF\x7F\x00\x00\x00\x80", 8)); // -2^31 rows
  expect_error(write("huge.bmp", bmp), ErrorCategory::Data, "2147483648");
}

TEST_F(ImageFile, DamagedAndForeignFiles) {
  const cv::Mat noise(64, 64, CV_8UC3);
  cv::randu(noise, 0, 256);
  for (const std::string name : {"a.png", "a.jpg", "a.webp"}) {
    const std::string whole = read_file(encode(name, noise));
    for (const size_t size : {size_t(0), size_t(9), size_t(40), whole.size() / 2})
      expect_error(write("cut" + name, whole.substr(0, size)), ErrorCategory::Format);
  }
  expect_error(write("text.png", std::string(200, 'x')), ErrorCategory::Format);
  expect_error(write("zero.png", png_header(0, 5, 8, 2)), ErrorCategory::Format);
  expect_error("/nonexistent/picture.png", ErrorCategory::NotFound);
}

} // namespace
} // namespace vlm
