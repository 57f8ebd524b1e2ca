// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/assets.h"

#include <string>
#include <utility>
#include <vector>

namespace vlm {

/// Byte-pair merges for `words` (each as often as it occurs), most frequent pair first, ties in
/// alphabetical order (Sennrich et al. 2016): the last piece of a word ends in "</w>". Ends early
/// when every word is one piece.
std::vector<std::pair<std::string, std::string>> learn_merges(const std::vector<std::string> &words,
                                                              size_t count);

/// Writes tokenizer/ and tokenizer_2/ of a painter into `directory`, in CLIP's layout: vocab.json
/// of `size` entries, merges.txt and configurations, learnt from random prompts. What remains of
/// `size` when all words are whole is left out. Error(Unreadable) naming the file.
void write_vocabulary(const scenes::Assets &assets, int64_t size, uint64_t seed,
                      const std::string &directory);

} // namespace vlm
