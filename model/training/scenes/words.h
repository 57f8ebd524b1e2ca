// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace vlm::scenes {

/// Lower-case ASCII words of 2 to 6 letters, split by is_held_out().
struct Words {
  std::vector<std::string> training, held_out;
};

/// Reads a list with one word a line. Error(NotFound) naming it.
Words read_words(const std::string &path);
Words split_words(const std::vector<std::string> &words);

} // namespace vlm::scenes
