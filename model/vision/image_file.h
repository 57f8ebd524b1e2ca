// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <string>

namespace vlm {

/// Reads a PNG, JPEG, WebP or BMP file as Pillow's convert("RGB") does: grey and palettes expanded,
/// alpha dropped, 16-bit samples by their high byte, EXIF orientation ignored. Errors name the
/// file: NotFound, Unreadable, Format (not such a picture, or damaged), Data (more than 2^28
/// pixels; the size is looked up before anything is decoded).
Image load_image(const std::string &path);

/// Writes a PNG, whatever the name ends in. Error(Unreadable) naming the file.
void save_png(const std::string &path, const Image &image);

} // namespace vlm
