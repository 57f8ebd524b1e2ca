// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <vector>

namespace gstvlm
{

/// The picture as a JPEG file, good enough to ask about. Throws Error(Failed).
/// Any thread, as the other.
std::vector<unsigned char> to_jpeg (const vlm::Image &image);

/// Throws Error(Data) when the bytes are no JPEG file.
vlm::Image from_jpeg (const std::vector<unsigned char> &file);

} // namespace gstvlm
