// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/tokenizer.h"
#include "model/text/tokenizer_config.h"

namespace vlm {

/// The pipeline that the tokenizer.json at `path` describes.
/// Error(NotFound | Unreadable | Format | Unsupported) naming the file.
std::unique_ptr<Tokenizer> load_fast_tokenizer(const std::string &path,
                                               const TokenizerConfig &config);

} // namespace vlm
