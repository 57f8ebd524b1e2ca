// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/tokenizer.h"

#include <functional>
#include <string>
#include <vector>

namespace vlm {

/// Hands out an answer's text while its tokens come. A token may end inside a character and a later
/// one may change what came before it, so the newest token is held back until the next one.
class TextStream {
public:
  TextStream(const Tokenizer &tokenizer, std::function<void(const std::string &)> sink)
      : tokenizer_(tokenizer), sink_(std::move(sink)) {}

  /// `ids`: all output tokens so far.
  void update(const std::vector<int64_t> &ids);

  /// Gives out what is left of the final text.
  void finish(const std::string &text);

private:
  void emit(const std::string &text);
  const Tokenizer &tokenizer_;
  std::function<void(const std::string &)> sink_;
  std::string previous_, emitted_;
};

} // namespace vlm
