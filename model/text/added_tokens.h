// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// A piece of text that is one token wherever it stands, outside the vocabulary's own rules.
struct AddedToken {
  std::string content;
  int64_t id = -1;         ///< -1: not numbered yet
  bool special = false;    ///< left out of decoded text on request
  bool normalized = false; ///< looked for after normalisation (fast tokenizers only)
  bool lstrip = false;     ///< swallows white space before it
  bool rstrip = false;     ///< swallows white space after it
};

/// What lstrip and rstrip take for white space: fast tokenizers Unicode's, slow ones Python's.
enum class WhiteSpace { Unicode, Python };

/// Cuts added tokens out of a text: leftmost first, of those the longest.
class AddedTokenSplitter {
public:
  struct Part {
    std::string_view text;
    int64_t id; ///< of the added token, -1 for ordinary text
  };

  AddedTokenSplitter() = default;
  explicit AddedTokenSplitter(std::vector<AddedToken> tokens,
                              WhiteSpace white_space = WhiteSpace::Unicode);
  /// Parts in order, none of them empty; they point into `text`.
  std::vector<Part> split(std::string_view text) const;

private:
  const AddedToken *match(std::string_view text) const;

  std::array<std::vector<AddedToken>, 256> by_first_byte_; // longest first
  WhiteSpace white_space_ = WhiteSpace::Unicode;
};

} // namespace vlm
