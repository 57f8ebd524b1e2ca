// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace vlm {

/// vocab.json and merges.txt of a CLIP tokenizer, as a tokenizer.json would have them in its
/// "model". Error(NotFound | Unreadable | Format) naming the file.
nlohmann::json read_clip_vocabulary(const std::string &directory);

/// Error(Format) naming the file and what is wrong unless every id up to the largest has a piece,
/// and every piece can come out of a text: a byte's symbol, what a merge makes, or one of
/// `special`. `model`: from the above, and a Bpe took it.
void check_clip_vocabulary(const nlohmann::json &model, const std::set<std::string> &special,
                           const std::string &directory);

} // namespace vlm
