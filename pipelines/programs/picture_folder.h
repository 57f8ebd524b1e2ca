// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <functional>
#include <string>
#include <vector>

namespace vlm {

/// Readers of up to `most` pictures of a folder, evenly chosen in the order of their names.
/// Error(NotFound) naming `option` and the folder when it cannot be read or holds none.
std::vector<std::function<Image()>> pictures_in(const std::string &folder, const char *option,
                                                size_t most);

} // namespace vlm
