// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/assets.h"

#include "model/core/error.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <filesystem>

namespace vlm::scenes {
namespace {

namespace fs = std::filesystem;

constexpr int photograph_side = 320;

std::vector<fs::path> files_below(const std::string &directory) {
  if (!fs::is_directory(directory))
    fail(ErrorCategory::NotFound, directory, ": no such folder");
  std::vector<fs::path> files;
  for (const auto &entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

using Names = std::initializer_list<const char *>;
constexpr Names training_families = {"DejaVu", "Liberation", "Roboto", "Lato", "OpenSans"};
constexpr Names held_out_families = {"FreeMono", "FreeSans", "FreeSerif"};

bool starts_with_any(const std::string &name, Names starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](const char *start) { return name.rfind(start, 0) == 0; });
}

bool contains_any(const std::string &name, Names parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char *part) { return name.find(part) != std::string::npos; });
}

Image read_photograph(const fs::path &path) {
  cv::Mat picture = cv::imread(path.string(), cv::IMREAD_COLOR);
  if (picture.empty())
    fail(ErrorCategory::Unreadable, path.string(), ": not a readable picture");
  const double scale = static_cast<double>(photograph_side) / std::min(picture.cols, picture.rows);
  if (scale < 1)
    cv::resize(picture, picture, {}, scale, scale, cv::INTER_AREA);
  cv::cvtColor(picture, picture, cv::COLOR_BGR2RGB);
  Image image;
  image.width = picture.cols;
  image.height = picture.rows;
  image.rgb.assign(picture.datastart, picture.dataend);
  return image;
}

/// A photograph whose name says that it shows one of the categories would be a thing without label.
bool names_category(const fs::path &path, const Categories &categories) {
  std::string stem = path.stem().string();
  std::transform(stem.begin(), stem.end(), stem.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (int i = 0; i < categories.size(); ++i)
    if (stem.find(categories[i].name) != std::string::npos)
      return true;
  return false;
}

std::vector<Image> read_photographs(const std::string &directory, const Categories &categories) {
  std::vector<Image> photographs;
  if (directory.empty())
    return photographs;
  for (const fs::path &path : files_below(directory))
    if (contains_any(path.extension().string(), {".jpg", ".png"}) &&
        !names_category(path, categories))
      photographs.push_back(read_photograph(path));
  return photographs;
}

} // namespace

std::vector<std::string> find_fonts(const std::vector<std::string> &directories, bool held_out) {
  std::vector<std::string> fonts;
  for (const std::string &directory : directories) {
    if (!fs::is_directory(directory))
      continue;
    for (const fs::path &path : files_below(directory)) {
      const std::string name = path.filename().string();
      if (path.extension() == ".ttf" &&
          starts_with_any(name, held_out ? held_out_families : training_families) &&
          !contains_any(name, {"Math", "Thin", "Hairline", "ExtraLight"}))
        fonts.push_back(path.string());
    }
  }
  return fonts;
}

Assets load_assets(const AssetPaths &paths) {
  Categories categories(paths.categories);
  Sprites sprites(paths.sprite_index, categories, paths.selection);
  std::vector<Image> photographs = read_photographs(paths.backgrounds, categories);
  return {std::move(categories), std::move(sprites), read_words(paths.dictionary),
          find_fonts(paths.font_directories, paths.held_out_fonts), std::move(photographs)};
}

} // namespace vlm::scenes
