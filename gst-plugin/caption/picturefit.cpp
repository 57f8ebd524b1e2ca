// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/picturefit.h"

#include <algorithm>

namespace gstvlm
{
namespace
{

// The plugin has no tokenizer. A token seldom stands for less than two bytes;
// what does not fit in spite of that is told by truncated-tokens.
constexpr int64_t kBytesPerToken = 2;
constexpr int64_t kTemplateTokens = 64; // its own words and roles
constexpr int64_t kMarkTokens = 8;      // "Image 2: " and line ends

} // namespace

size_t
pictures_that_fit (const vlm::ModelInfo &info, size_t count, size_t text_bytes,
    int64_t max_tokens)
{
  if (info.context_length <= 0 || info.tokens_per_image <= 0)
    return count;
  const int64_t room = info.context_length - max_tokens - kTemplateTokens -
                       static_cast<int64_t> (text_bytes) / kBytesPerToken;
  const int64_t fit = room / (info.tokens_per_image + kMarkTokens);
  return static_cast<size_t> (
      std::clamp<int64_t> (fit, 1, static_cast<int64_t> (count)));
}

} // namespace gstvlm
