// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/table.h"

#include "model/core/error.h"

#include <algorithm>
#include <fstream>

namespace vlm::scenes {
namespace {

std::vector<std::string> split(const std::string &line) {
  std::vector<std::string> cells;
  size_t start = 0;
  for (size_t end; (end = line.find('\t', start)) != std::string::npos; start = end + 1)
    cells.push_back(line.substr(start, end - start));
  cells.push_back(line.substr(start));
  return cells;
}

} // namespace

Table::Table(const std::string &path) : path_(path) {
  std::ifstream file(path);
  if (!file)
    fail(ErrorCategory::NotFound, path, ": cannot be opened");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (columns_.empty()) {
      columns_ = split(line);
      continue;
    }
    cells_.push_back(split(line));
    if (cells_.back().size() != columns_.size())
      fail(ErrorCategory::Format, place(rows() - 1), ": ", cells_.back().size(),
           " cells where the header names ", columns_.size());
  }
}

const std::string &Table::cell(size_t row, const std::string &column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end())
    fail(ErrorCategory::Format, path_, ": no column \"", column, '"');
  return cells_[row][static_cast<size_t>(found - columns_.begin())];
}

std::string Table::place(size_t row) const { return path_ + ':' + std::to_string(row + 2); }

} // namespace vlm::scenes
