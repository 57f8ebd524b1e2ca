// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/ocr.h"

#include "model/core/error.h"

#if VLM_HAVE_TESSERACT
#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <cstdlib>
#include <memory>

namespace vlm {
namespace {

// Words of the reference's recogniser come with 0..1, Tesseract's with 0..100.
constexpr float kLeastConfidence = 10;

void open(tesseract::TessBaseAPI &api) {
  if (api.Init(nullptr, "eng") != 0)
    fail(ErrorCategory::NotFound, "OCR: Tesseract's language data \"eng\" is not installed");
}

std::string without_controls(const char *text) {
  std::string out;
  for (; *text; ++text)
    if (static_cast<unsigned char>(*text) >= 0x20 && *text != 0x7F)
      out.push_back(*text);
  return out;
}

} // namespace

void check_ocr() {
  tesseract::TessBaseAPI api;
  open(api);
}

std::string recognise_text(const Image &image) {
  tesseract::TessBaseAPI api;
  open(api);
  api.SetPageSegMode(tesseract::PSM_SPARSE_TEXT);
  api.SetImage(image.rgb.data(), image.width, image.height, 3, 3 * image.width);
  if (api.Recognize(nullptr) != 0)
    fail(ErrorCategory::Failed, "OCR: Tesseract could not process the picture");
  const std::unique_ptr<tesseract::ResultIterator> line(api.GetIterator());
  std::string out;
  if (!line)
    return out;
  do {
    const std::unique_ptr<char[]> text(line->GetUTF8Text(tesseract::RIL_TEXTLINE));
    const std::string clean = text ? without_controls(text.get()) : "";
    if (!clean.empty() && line->Confidence(tesseract::RIL_TEXTLINE) > kLeastConfidence)
      out += (out.empty() ? "" : ", ") + clean;
  } while (line->Next(tesseract::RIL_TEXTLINE));
  return out;
}

} // namespace vlm

#else

namespace vlm {

void check_ocr() { fail(ErrorCategory::Unavailable, "OCR: this build has no Tesseract"); }

std::string recognise_text(const Image &) {
  check_ocr();
  return {};
}

} // namespace vlm

#endif
