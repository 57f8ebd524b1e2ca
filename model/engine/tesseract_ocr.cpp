// SPDX-License-Identifier: LGPL-2.1-or-later
// The library libgst-vlm-ocr.
#include "model/core/error.h"
#include "model/engine/ocr.h"

#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <memory>
#include <mutex>

// GCC's OpenMP runtime, that of the model and of Tesseract.
extern "C" {
int omp_get_max_active_levels();
void omp_set_max_active_levels(int levels);
}

namespace vlm {
namespace {

// Tesseract has four threads wait for each other some thousand times a picture, for a few
// microseconds of work: three times the CPU time, and where cores are busy ten times the time. It
// asks for four whatever omp_set_num_threads says; without active levels they are one, the
// caller's. Other threads are not affected.
class AloneInOpenMp {
public:
  AloneInOpenMp() { omp_set_max_active_levels(0); }
  ~AloneInOpenMp() { omp_set_max_active_levels(levels_); }
  AloneInOpenMp(const AloneInOpenMp &) = delete;

private:
  const int levels_ = omp_get_max_active_levels();
};

// Words of the reference's recogniser come with 0..1, Tesseract's with 0..100.
constexpr float kLeastConfidence = 10;

class TesseractOcr : public Ocr {
public:
  TesseractOcr() {
    if (api_.Init(nullptr, "eng") != 0)
      fail(ErrorCategory::NotFound, "OCR: Tesseract's language data \"eng\" is not installed");
    api_.SetVariable("debug_file", "/dev/null"); // or it talks to the terminal
    api_.SetPageSegMode(tesseract::PSM_SPARSE_TEXT);
  }

  std::string read(const Image &image) override {
    std::lock_guard<std::mutex> lock(mutex_);
    const AloneInOpenMp alone;
    api_.SetImage(image.rgb.data(), image.width, image.height, 3, 3 * image.width);
    const bool done = api_.Recognize(nullptr) == 0;
    const std::string out = done ? lines() : "";
    api_.Clear();
    if (!done)
      fail(ErrorCategory::Failed, "OCR: Tesseract could not process the picture");
    return out;
  }

private:
  std::string lines() {
    const std::unique_ptr<tesseract::ResultIterator> line(api_.GetIterator());
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

  std::mutex mutex_;
  tesseract::TessBaseAPI api_;
};

} // namespace
} // namespace vlm

// Never destroyed: the process may end while a picture is read.
extern "C" __attribute__((visibility("default"))) vlm::Ocr *vlm_ocr() {
  static vlm::Ocr *instance = new vlm::TesseractOcr();
  return instance;
}
