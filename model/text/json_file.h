// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/error.h"

#include <nlohmann/json.hpp>

#include <string>

namespace vlm {

/// False also when the path cannot be looked at.
bool file_exists(const std::string &path);

/// The file as JSON; Error(Format | NotFound | Unreadable) naming it.
nlohmann::json parse_json_file(const std::string &path);

/// Runs `read`, which takes values out of the file's JSON; a missing key or a value of the wrong
/// kind becomes Error(Format) naming the file.
template <typename Read> auto in_json_file(const std::string &path, Read read) {
  try {
    return read();
  } catch (const nlohmann::json::exception &error) {
    fail(ErrorCategory::Format, path, ": ", error.what());
  }
}

} // namespace vlm
