// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/image.h"

#include <functional>
#include <string>
#include <vector>

namespace vlm {

/// Paths of a folder's files with one of `endings` (".txt"; in any case), sorted. Error(NotFound)
/// naming `option` and the folder when that cannot be read.
std::vector<std::string> files_in(const std::string &folder, const char *option,
                                  const std::vector<std::string> &endings);

/// Readers of a folder's pictures in the order of their names. Error(NotFound) naming `option` and
/// the folder when it cannot be read.
std::vector<std::function<Image()>> pictures_in(const std::string &folder, const char *option);

} // namespace vlm
