// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/picture_folder.h"

#include "model/core/error.h"
#include "model/vision/image_file.h"

#include <algorithm>
#include <filesystem>

namespace vlm {
namespace {

namespace fs = std::filesystem;

bool has_one_of(const std::vector<std::string> &endings, const fs::directory_entry &entry) {
  std::string ending = entry.path().extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), ::tolower);
  return entry.is_regular_file() &&
         std::find(endings.begin(), endings.end(), ending) != endings.end();
}

} // namespace

const std::vector<std::string> kPictureEndings = {".png", ".jpg", ".jpeg", ".webp", ".bmp"};

std::vector<std::string> files_in(const std::string &folder, const char *option,
                                  const std::vector<std::string> &endings) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto &entry : fs::directory_iterator(folder, error))
    if (has_one_of(endings, entry))
      names.push_back(entry.path().string());
  if (error)
    fail(ErrorCategory::NotFound, option, ": ", folder, ": ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::function<Image()>> pictures_in(const std::string &folder, const char *option,
                                                size_t most) {
  const std::vector<std::string> names = files_in(folder, option, kPictureEndings);
  if (names.empty())
    fail(ErrorCategory::NotFound, option, ": ", folder, ": holds no pictures");
  const size_t count = std::min(names.size(), most);
  std::vector<std::function<Image()>> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back([name = names[i * names.size() / count]] { return load_image(name); });
  return out;
}

} // namespace vlm
