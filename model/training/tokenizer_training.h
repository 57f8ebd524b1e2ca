// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/scenes/assets.h"

#include <string>

namespace vlm {

/// Trains the embedded model's vocabulary (scenes/README section 5) on the questions and answers of
/// `scene_count` scenes and on dictionary words, and writes tokenizer.model and
/// tokenizer_config.json into `directory`. Words of capitals are left out, so that signs are spelt
/// letter by letter. Error(Failed) with SentencePiece's message.
void train_tokenizer(const scenes::Assets &assets, int scene_count, int pieces, uint64_t seed,
                     const std::string &directory);

} // namespace vlm
