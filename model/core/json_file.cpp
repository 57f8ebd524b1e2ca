// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/json_file.h"

#include "model/core/mapped_file.h"

#include <filesystem>
#include <system_error>
#include <unordered_set>
#include <vector>

namespace vlm {
namespace {

using nlohmann::json;

constexpr size_t max_file_bytes = size_t{64} << 20;

} // namespace

json parse_json_object(std::string_view text, const std::string &path, int max_depth) {
  std::vector<std::unordered_set<std::string>> keys; // of the objects that are open
  const auto check = [&](int depth, json::parse_event_t event, json &value) {
    if (depth >= max_depth)
      fail(ErrorCategory::Format, path, ": JSON nested more than ", max_depth, " levels deep");
    if (event == json::parse_event_t::object_start)
      keys.emplace_back();
    else if (event == json::parse_event_t::object_end)
      keys.pop_back();
    else if (event == json::parse_event_t::key &&
             !keys.back().insert(value.get_ref<const std::string &>()).second)
      fail(ErrorCategory::Format, path, ": duplicate key \"", value.get_ref<const std::string &>(),
           "\"");
    return true;
  };
  json out;
  try {
    out = json::parse(text.begin(), text.end(), check);
  } catch (const json::exception &error) {
    fail(ErrorCategory::Format, path,
         ": not valid JSON: ", std::string(error.what()).substr(0, 300));
  }
  if (!out.is_object())
    fail(ErrorCategory::Format, path, ": not a JSON object");
  return out;
}

json read_json_object(const std::string &path) {
  const MappedFile file(path);
  if (file.bytes().size() > max_file_bytes)
    fail(ErrorCategory::Format, path, ": ", file.bytes().size(), " bytes are too many for JSON");
  return parse_json_object(file.bytes(), path);
}

bool file_exists(const std::string &path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

} // namespace vlm
