// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/pace.h"
#include "model/core/utf8.h"
#include "model/engine/request.h"

#include <string>
#include <vector>

namespace vlm {

/// Error(Unavailable) in a build without Tesseract, Error(NotFound) when its English language data
/// is missing.
void check_ocr();

/// The lines of text in a request's pictures that Tesseract recognises with a confidence above 0.1,
/// joined by ", ", without control characters, `<image>` marks and the tokenizer's `special`
/// tokens: whoever wrote them on a wall must not end the user's turn. Empty when there are none
/// (mgm-spec 5.4). Read once for all requests that share a memory. Errors as check_ocr().
std::string recognise_text(const Request &request, const std::vector<std::string> &special,
                           const Pace &pace);

/// `text` without any of `marks`, nor those that come about when another is taken out.
std::string without_marks(std::string text, const std::vector<std::string> &marks);

/// `text` without control characters (those of ASCII, and U+0080 to U+009F).
inline std::string without_controls(const std::string &text) {
  std::string out;
  for (const char32_t c : utf8_decode(utf8_lossy(text)))
    if (c >= 0x20 && (c < 0x7F || c > 0x9F))
      utf8_append(out, c);
  return out;
}

/// What the library libgst-vlm-ocr exports, under this name. It is opened when text is first to be
/// read: Tesseract brings some fifty libraries with it.
struct Ocr {
  virtual ~Ocr() = default;
  /// Joined lines of one picture. Any thread.
  virtual std::string read(const Image &image) = 0;
};
constexpr const char *kOcrEntryName = "vlm_ocr";
using OcrEntry = Ocr *(*)(); ///< owned by the library; throws Error(NotFound)

} // namespace vlm
