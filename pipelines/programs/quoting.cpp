// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/quoting.h"

namespace vlm {
namespace {

constexpr const char *kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "%+,-./:=@_";

std::string shell_quoted(const std::string &word) {
  if (word == "!" || (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos))
    return word;
  std::string out = "'";
  for (const char c : word)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

} // namespace

std::string launch_quoted(const std::string &value) {
  std::string out = "\"";
  for (const char c : value)
    out += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

std::string shell_line(const std::vector<std::string> &words) {
  std::string out;
  for (const std::string &word : words)
    out += (out.empty() ? "" : " ") + shell_quoted(word);
  return out;
}

} // namespace vlm
