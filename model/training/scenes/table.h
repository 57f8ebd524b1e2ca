// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vlm::scenes {

/// A tab-separated file whose first line names the columns.
class Table {
public:
  /// Error(NotFound) or Error(Format) naming the file and line.
  explicit Table(const std::string &path);

  std::size_t rows() const { return cells_.size(); }
  /// Error(Format) when there is no such column.
  const std::string &cell(std::size_t row, const std::string &column) const;
  std::string place(std::size_t row) const; ///< "FILE:LINE", for messages

private:
  std::string path_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> cells_;
};

} // namespace vlm::scenes
