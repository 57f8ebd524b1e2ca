// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace vlm::scenes {

enum class NounKind { Count, MassSingular, MassPlural };

struct Category {
  std::string name, plural, group;
  NounKind kind = NounKind::Count;
};

/// categories.tsv in its order; a category's index in it is its number everywhere.
class Categories {
public:
  /// Error(NotFound) or Error(Format) naming the file and line.
  explicit Categories(const std::string &path);
  explicit Categories(std::vector<Category> list) : list_(std::move(list)) {}

  int size() const { return static_cast<int>(list_.size()); }
  const Category &operator[](int category) const { return list_[static_cast<size_t>(category)]; }
  int find(const std::string &name) const; ///< -1: no such category

private:
  std::vector<Category> list_;
};

} // namespace vlm::scenes
