// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <string>

namespace vlm {

/// Error(Unavailable) in a build without Tesseract, Error(NotFound) when its English language data
/// is missing.
void check_ocr();

/// Lines of text in a picture that Tesseract recognises with a confidence above 0.1, joined by ",
/// ", control characters removed; empty when there are none (mgm-spec 5.4). Errors as check_ocr().
std::string recognise_text(const Image &image);

} // namespace vlm
