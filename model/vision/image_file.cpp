// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/image_file.h"

#include "model/core/error.h"
#include "model/core/mapped_file.h"

#include <opencv2/imgcodecs.hpp>

#include <climits>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string_view>

namespace vlm {
namespace {

constexpr int64_t kMaxPixels = int64_t(1) << 28;

struct Size {
  int64_t width, height;
};

/// Unsigned integer of `bytes` bytes at `offset`; 0 behind the end.
int64_t big(std::string_view file, size_t offset, size_t bytes) {
  int64_t value = 0;
  for (size_t i = 0; i < bytes && offset + bytes <= file.size(); ++i)
    value = value << 8 | uint8_t(file[offset + i]);
  return value;
}

int64_t little(std::string_view file, size_t offset, size_t bytes) {
  int64_t value = 0;
  for (size_t i = bytes; i-- > 0 && offset + bytes <= file.size();)
    value = value << 8 | uint8_t(file[offset + i]);
  return value;
}

bool is_frame_header(int64_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Walks the segments up to the frame header. No size without an end-of-image mark behind it: the
/// decoder would fill the rest of a cut picture with grey.
std::optional<Size> jpeg_size(std::string_view file) {
  for (size_t at = 2; at + 9 <= file.size() && uint8_t(file[at]) == 0xFF;) {
    const int64_t marker = big(file, at + 1, 1);
    if (marker == 0xFF) { // fill byte
      ++at;
      continue;
    }
    if (is_frame_header(marker)) {
      if (file.find("\xFF\xD9", at) == std::string_view::npos)
        return {};
      return Size{big(file, at + 7, 2), big(file, at + 5, 2)};
    }
    at += 2 + size_t(big(file, at + 2, 2));
  }
  return {};
}

std::optional<Size> webp_size(std::string_view file) {
  const std::string_view chunk = file.substr(12, 4);
  if (chunk == "VP8X")
    return Size{little(file, 24, 3) + 1, little(file, 27, 3) + 1};
  if (chunk == "VP8 ")
    return Size{little(file, 26, 2) & 0x3FFF, little(file, 28, 2) & 0x3FFF};
  if (chunk == "VP8L") {
    const int64_t bits = little(file, 21, 4);
    return Size{(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
  }
  return {};
}

std::optional<Size> bmp_size(std::string_view file) {
  if (little(file, 14, 4) == 12)
    return Size{little(file, 18, 2), little(file, 20, 2)};
  return Size{int32_t(little(file, 18, 4)), std::abs(int64_t(int32_t(little(file, 22, 4))))};
}

/// Size by the file's header; nothing when it is not one of the four formats or is cut short.
std::optional<Size> header_size(std::string_view file) {
  if (file.size() < 30)
    return {};
  if (file.substr(0, 8) == "\x89PNG\r\n\x1A\n")
    return Size{big(file, 16, 4), big(file, 20, 4)};
  if (file.substr(0, 3) == "\xFF\xD8\xFF")
    return jpeg_size(file);
  if (file.substr(0, 4) == "RIFF" && file.substr(8, 4) == "WEBP")
    return webp_size(file);
  if (file.substr(0, 2) == "BM")
    return bmp_size(file);
  return {};
}

/// Without the flags that would turn the picture, scale it or drop its depth.
cv::Mat decode(std::string_view file) {
  const cv::Mat bytes(1, int(file.size()), CV_8U, const_cast<char *>(file.data()));
  try {
    return cv::imdecode(bytes, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception &) {
    return {};
  }
}

template <typename Sample> void copy_rgb(const cv::Mat &mat, Image &image) {
  constexpr int shift = 8 * (sizeof(Sample) - 1); // the high byte
  const int channels = mat.channels();
  const int red = channels >= 3 ? 2 : 0, green = channels >= 3 ? 1 : 0; // OpenCV's order is BGR
  uint8_t *out = image.rgb.data();
  for (int y = 0; y < mat.rows; ++y) {
    const Sample *in = mat.ptr<Sample>(y);
    for (int x = 0; x < mat.cols; ++x, in += channels, out += 3) {
      out[0] = uint8_t(in[red] >> shift);
      out[1] = uint8_t(in[green] >> shift);
      out[2] = uint8_t(in[0] >> shift);
    }
  }
}

} // namespace

Image load_image(const std::string &path) {
  const MappedFile mapped(path);
  const std::string_view file = mapped.bytes();
  const std::optional<Size> size = header_size(file);
  if (!size || size->width <= 0 || size->height <= 0 || file.size() > INT_MAX)
    fail(ErrorCategory::Format, path, ": not a PNG, JPEG, WebP or BMP picture, or damaged");
  if (size->width > kMaxPixels || size->height > kMaxPixels / size->width)
    fail(ErrorCategory::Data, path, ": picture of ", size->width, "x", size->height,
         " pixels is too large: at most ", kMaxPixels, " pixels");
  const cv::Mat mat = decode(file);
  if (mat.empty())
    fail(ErrorCategory::Format, path, ": damaged picture");
  if (mat.depth() != CV_8U && mat.depth() != CV_16U)
    fail(ErrorCategory::Format, path, ": samples are neither 8 nor 16 bits wide");
  Image image;
  image.width = mat.cols;
  image.height = mat.rows;
  image.rgb.resize(mat.total() * 3);
  if (mat.depth() == CV_8U)
    copy_rgb<uint8_t>(mat, image);
  else
    copy_rgb<uint16_t>(mat, image);
  return image;
}

void save_png(const std::string &path, const Image &image) {
  cv::Mat bgr(image.height, image.width, CV_8UC3);
  const uint8_t *in = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    uint8_t *out = bgr.ptr<uint8_t>(y);
    for (int x = 0; x < image.width; ++x, in += 3, out += 3) {
      out[0] = in[2];
      out[1] = in[1];
      out[2] = in[0];
    }
  }
  std::vector<uint8_t> bytes;
  const bool encoded = cv::imencode(".png", bgr, bytes);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!encoded || !file)
    fail(ErrorCategory::Unreadable, path, ": cannot be written");
}

} // namespace vlm
