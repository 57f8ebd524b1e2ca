// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/tokenizer.h"
#include "model/vision/image.h"

#include <functional>
#include <string>
#include <vector>

namespace vlm {

/// Texts of many kinds, UTF-8, together about a thousand words.
const std::vector<std::string> &bundled_texts();

/// Drawn pictures of several shapes: ground, sky, things, grain.
std::vector<Image> bundled_pictures();

/// What a model reads while its activations are measured.
struct Material {
  std::vector<std::vector<int64_t>> prompts;    ///< ids, kImageToken for a picture
  std::vector<std::function<Image()>> pictures; ///< in the order of their kImageTokens
};

/// Up to kMostPieces pieces of `texts` (UTF-8), as many of each and evenly chosen, of about
/// kPieceBytes.
constexpr size_t kMostPieces = 24, kPieceBytes = 2400;
std::vector<std::string> pieces_of(const std::vector<std::string> &texts);

/// The bundled texts, pieces of `texts`, and for each picture a question about it in the model's
/// own template.
Material make_material(const Tokenizer &tokenizer, const std::string &template_name,
                       const std::vector<std::string> &texts,
                       std::vector<std::function<Image()>> pictures);

} // namespace vlm
