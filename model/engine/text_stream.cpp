// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/text_stream.h"

#include "model/core/strip.h"
#include "model/core/utf8.h"

#include <algorithm>

namespace vlm {

void TextStream::update(const std::vector<int64_t> &ids) {
  if (!sink_)
    return;
  const std::string text = strip(tokenizer_.decode(ids, /*skip_special=*/true));
  // What two successive texts have in common is final: a cut character or a run of byte tokens
  // still changes with the token after it.
  const auto end =
      std::mismatch(previous_.begin(), previous_.end(), text.begin(), text.end()).second;
  const std::string_view common(text.data(), static_cast<size_t>(end - text.begin()));
  emit(std::string(common.substr(0, utf8_valid_prefix(common))));
  previous_ = text;
}

void TextStream::finish(const std::string &text) {
  if (sink_)
    emit(text);
}

void TextStream::emit(const std::string &text) {
  if (text.size() <= emitted_.size() || text.compare(0, emitted_.size(), emitted_) != 0)
    return;
  sink_(text.substr(emitted_.size()));
  emitted_ = text;
}

} // namespace vlm
