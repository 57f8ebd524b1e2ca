// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/words.h"

#include "model/core/error.h"
#include "model/training/scenes/sprites.h"

#include <algorithm>
#include <fstream>

namespace vlm::scenes {

Words split_words(const std::vector<std::string> &words) {
  Words result;
  for (const std::string &word : words) {
    const bool letters =
        std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (letters && word.size() >= 2 && word.size() <= 6)
      (is_held_out(word) ? result.held_out : result.training).push_back(word);
  }
  return result;
}

Words read_words(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    fail(ErrorCategory::NotFound, path, ": cannot be opened");
  std::vector<std::string> words;
  for (std::string line; std::getline(file, line);)
    words.push_back(line);
  return split_words(words);
}

} // namespace vlm::scenes
