// SPDX-License-Identifier: LGPL-2.1-or-later
// The library libgst-vlm-ocr, without a model.
#include "model/core/error.h"
#include "model/engine/ocr.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

extern "C" int omp_get_max_active_levels();

namespace vlm {
namespace {

// "HEEL" in bars of 8 pixels, each letter 32 wide and 56 high.
Image heel() {
  Image image;
  image.width = 320;
  image.height = 120;
  image.rgb.assign(size_t(image.width * image.height * 3), 255);
  const auto bar = [&](int x, int y, int width, int height) {
    for (int row = y; row < y + height; ++row)
      std::fill_n(image.rgb.begin() + 3 * (row * image.width + x), 3 * width, uint8_t(0));
  };
  for (int letter = 0; letter < 4; ++letter) {
    const int x = 60 + 50 * letter;
    bar(x, 32, 8, 56);
    if (letter == 0)
      bar(x + 24, 32, 8, 56);
    if (letter == 1 || letter == 2)
      bar(x, 32, 32, 8);
    if (letter < 3)
      bar(x, 56, 32, 8);
    if (letter > 0)
      bar(x, 80, 32, 8);
  }
  return image;
}

long threads() { return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}); }

TEST(Ocr, MarksOfThePromptAreTakenOut) {
  const std::vector<std::string> marks = {"</s>", "<image>"};
  EXPECT_EQ(without_marks("a</s>b<image>c", marks), "abc");
  EXPECT_EQ(without_marks("<</s>/s>x<im<image>age></s", marks), "x</s");
  EXPECT_EQ(without_marks("a < b", {""}), "a < b");
}

TEST(Ocr, ControlCharactersAreTakenOut) {
  EXPECT_EQ(without_controls("a\tb\nc\x1b[2Jd\x7f"), "abc[2Jd");
  EXPECT_EQ(without_controls("e\u0080f\u009bg\u009f"), "efg"); // U+009B begins what ESC [ does
  EXPECT_EQ(without_controls("\u00a0\u00e9 \u732b"), "\u00a0\u00e9 \u732b");
  EXPECT_EQ(without_controls("h\xc2"), "h\uFFFD");
}

// Tesseract's four threads, which would stay, are many times slower where cores are busy.
TEST(Ocr, ReadsOnTheCallersThreadAlone) {
  try {
    check_ocr();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what(); // without the language data
  }
  Request request;
  request.images = {heel()};
  const long before = threads();
  const int levels = omp_get_max_active_levels();
  EXPECT_EQ(recognise_text(request, {}, Pace()), "HEEL");
  EXPECT_EQ(threads(), before);
  EXPECT_EQ(omp_get_max_active_levels(), levels); // the model's own loops go on in parallel
}

} // namespace
} // namespace vlm
