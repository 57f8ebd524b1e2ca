// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// The tokenizer of CLIP's text encoders as transformers' CLIPTokenizer reads it (mgm-spec 9.2):
/// byte-level BPE of lower-cased words that end in "</w>". Special tokens are cut out of the text
/// before, which for SDXL's second tokenizer, whose padding token is "!", makes every "!" one.
/// Text is taken as it is but for its case: no Unicode normalisation, no repair (ftfy).
/// Immutable: any thread may call it.
class ClipTokenizer {
public:
  /// Length of everything encoded, as the encoders' positions.
  static constexpr int64_t kLength = 77;

  /// Reads vocab.json, merges.txt and tokenizer_config.json. Error(NotFound | Unreadable | Format |
  /// Unsupported) naming the file.
  explicit ClipTokenizer(const std::string &directory);
  ~ClipTokenizer();
  ClipTokenizer(ClipTokenizer &&other) noexcept;

  struct Encoded {
    std::vector<int64_t> ids; ///< kLength of them: start, text, end, padding
    int64_t cut = 0;          ///< ids of the text that there was no room for
  };
  /// Error(Data) for text that is not UTF-8.
  Encoded encode(std::string_view text) const;

  /// Larger than every id.
  int64_t vocab_size() const;

private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

} // namespace vlm
