// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <string>
#include <vector>

namespace vlm {

struct CaptionedFrame {
  Image frame;       ///< RGB
  std::string title; ///< small, above the text: a time
  std::string text;
};

/// Writes a PNG of frames in a grid, each with its title and wrapped text below. Error(Unreadable)
/// naming `path` when it cannot be written.
void write_contact_sheet_png(const std::string &path, const std::vector<CaptionedFrame> &frames);

} // namespace vlm
