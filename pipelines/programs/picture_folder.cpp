// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/picture_folder.h"

#include "model/core/error.h"
#include "model/vision/image_file.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace vlm {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::directory_entry &entry) {
  static constexpr std::array endings = {".png", ".jpg", ".jpeg", ".webp", ".bmp"};
  std::string ending = entry.path().extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), ::tolower);
  return entry.is_regular_file() &&
         std::find(endings.begin(), endings.end(), ending) != endings.end();
}

} // namespace

std::vector<std::function<Image()>> pictures_in(const std::string &folder, const char *option,
                                                size_t most) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto &entry : fs::directory_iterator(folder, error))
    if (is_picture(entry))
      names.push_back(entry.path().string());
  if (error)
    fail(ErrorCategory::NotFound, option, ": ", folder, ": ", error.message());
  if (names.empty())
    fail(ErrorCategory::NotFound, option, ": ", folder, ": holds no pictures");
  std::sort(names.begin(), names.end());
  const size_t count = std::min(names.size(), most);
  std::vector<std::function<Image()>> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back([name = names[i * names.size() / count]] { return load_image(name); });
  return out;
}

} // namespace vlm
