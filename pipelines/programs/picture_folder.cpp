// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/picture_folder.h"

#include "model/core/error.h"
#include "model/vision/image_file.h"
#include "pipelines/programs/file_ending.h"

#include <algorithm>
#include <filesystem>

namespace vlm {
namespace {

namespace fs = std::filesystem;

bool has_one_of(const std::vector<std::string> &endings, const fs::directory_entry &entry) {
  return entry.is_regular_file() &&
         std::count(endings.begin(), endings.end(), ending_of(entry.path())) > 0;
}

} // namespace

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

std::vector<std::function<Image()>> pictures_in(const std::string &folder, const char *option) {
  std::vector<std::function<Image()>> out;
  for (const std::string &name :
       files_in(folder, option, {".png", ".jpg", ".jpeg", ".webp", ".bmp"}))
    out.push_back([name] { return load_image(name); });
  return out;
}

} // namespace vlm
