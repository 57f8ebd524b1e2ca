// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/assets.h"
#include "model/training/scenes/scene.h"

#include <filesystem>
#include <string>

namespace vlm::test {

scenes::Categories small_categories();

/// Seven categories with drawn sprites, a few words, the fonts that this machine has (maybe none).
const scenes::Assets &small_assets();

/// Straight RGBA: a filled or hollow disc on nothing.
std::vector<uint8_t> disc(int side, scenes::Rgb color, bool hollow = false);

/// A scene with nothing in it, of the given size.
scenes::Scene empty_scene(int width, int height);
scenes::Thing object_at(int category, double cx, double cy,
                        scenes::Color color = scenes::Color::None);
scenes::Thing shape_at(scenes::Form form, scenes::Color color, double cx, double cy);
scenes::Thing sign_at(const std::string &text, double cx, double cy);

/// An empty folder that goes away with the object.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  const std::filesystem::path &path() const { return path_; }
  std::string write(const std::string &name, const std::string &content) const;

private:
  std::filesystem::path path_;
};

} // namespace vlm::test
