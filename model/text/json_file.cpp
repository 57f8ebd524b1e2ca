// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/text/json_file.h"

#include "model/core/mapped_file.h"

#include <filesystem>
#include <system_error>

namespace vlm {

bool file_exists(const std::string &path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

nlohmann::json parse_json_file(const std::string &path) {
  const MappedFile file(path);
  return in_json_file(
      path, [&] { return nlohmann::json::parse(file.bytes().begin(), file.bytes().end()); });
}

} // namespace vlm
