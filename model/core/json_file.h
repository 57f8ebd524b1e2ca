// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/error.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace vlm {

/// Parses a JSON object. Error(Format) naming `path` for anything else, for a key given twice in
/// one object and for more than `max_depth` levels of nesting.
nlohmann::json parse_json_object(std::string_view text, const std::string &path,
                                 int max_depth = 32);

/// The same for a whole file of at most 64 MiB; also Error(NotFound | Unreadable).
nlohmann::json read_json_object(const std::string &path);

/// Runs `read`, which takes values out of the file's JSON; a missing key or a value of the wrong
/// kind becomes Error(Format) naming the file.
template <typename Read> auto in_json_file(const std::string &path, Read read) {
  try {
    return read();
  } catch (const nlohmann::json::exception &error) {
    fail(ErrorCategory::Format, path, ": ", error.what());
  }
}

/// False also when the path cannot be looked at.
bool file_exists(const std::string &path);

} // namespace vlm
