// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct pcre2_real_code_8;

namespace vlm {

/// A Unicode regular expression of a tokenizer.json. Immutable: any thread may search.
class SplitPattern {
public:
  /// Error(Unsupported) with the reason when `expression` does not compile.
  explicit SplitPattern(const std::string &expression);

  /// All matches in valid UTF-8, in order, as (begin, end) byte offsets; none is empty.
  /// Error(Data) when the search takes too many steps.
  std::vector<std::pair<size_t, size_t>> find_all(std::string_view text) const;

private:
  std::shared_ptr<const pcre2_real_code_8> code_;
};

/// Valid UTF-8 with every letter in lower case, one for one (no special rule of any language).
std::string lower_case(std::string_view text);

} // namespace vlm
