// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/tokenizer.h"
#include "model/text/tokenizer_config.h"

namespace vlm {

/// The slow LlamaTokenizer over the SentencePiece model at `path`.
/// Error(NotFound | Unreadable | Format) naming the file.
std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const std::string &path,
                                                        const TokenizerConfig &config);

} // namespace vlm
