// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/json_file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vlm {

/// Typed access to one JSON file, whose complaints name the file and the key. A key that is null
/// counts as missing.
class JsonKeys {
public:
  /// Errors as read_json_object().
  explicit JsonKeys(std::string path) : path_(std::move(path)), values_(read_json_object(path_)) {}

  const std::string &path() const { return path_; }
  /// Null when it is missing.
  const nlohmann::json *find(const char *key) const;

  /// Error(Format) for a missing key without `otherwise`, another type, or a value out of range.
  int64_t integer(const char *key, int64_t least, int64_t most,
                  std::optional<int64_t> otherwise = {}) const;
  /// A list of integers, at least one.
  std::vector<int64_t> integers(const char *key, int64_t least, int64_t most) const;
  double positive(const char *key, double most, double otherwise) const;
  bool flag(const char *key, bool otherwise) const;
  std::string text(const char *key, const char *otherwise) const;
  /// A list of strings, at least one.
  std::vector<std::string> texts(const char *key) const;

  /// `value` as an integer in range, whatever part of `key` it is.
  int64_t checked(const char *key, const nlohmann::json &value, int64_t least, int64_t most) const;

  template <typename... Parts>
  [[noreturn]] void wrong(const char *key, const Parts &...parts) const {
    fail(ErrorCategory::Format, path_, ": ", key, " ", parts...);
  }
  /// `value` of a key that this program has no code for.
  template <typename Value>
  [[noreturn]] void unsupported(const char *key, const Value &value) const {
    fail(ErrorCategory::Unsupported, path_, ": ", key, " ", value, " is not supported");
  }

private:
  const nlohmann::json &need(const char *key) const;
  const nlohmann::json &list(const char *key) const;
  std::string path_;
  nlohmann::json values_;
};

} // namespace vlm
