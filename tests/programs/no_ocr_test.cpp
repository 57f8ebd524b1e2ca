// SPDX-License-Identifier: LGPL-2.1-or-later
// What a build without Tesseract says.
#include "model/core/error.h"
#include "model/engine/ocr.h"

#include <gtest/gtest.h>

namespace vlm {
namespace {

void expect_refusal(const std::function<void()> &call) {
  try {
    call();
    FAIL() << "was not refused";
  } catch (const Error &error) {
    EXPECT_EQ(error.category(), ErrorCategory::Unavailable);
    EXPECT_STREQ(error.what(), "OCR: this build has no Tesseract");
  }
}

TEST(NoOcr, IsRefusedByName) {
  expect_refusal(check_ocr);
  Request request;
  request.images.emplace_back();
  expect_refusal([&] { recognise_text(request, {}, Pace()); });
}

} // namespace
} // namespace vlm
