// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/request.h"
#include "model/text/tokenizer.h"
#include "model/weights/model_config.h"

#include <string>
#include <vector>

namespace vlm {

/// A request as the model reads it.
struct Prompt {
  std::string text;         ///< rendered, `<image>` where a picture goes
  std::vector<int64_t> ids; ///< kImageToken for a picture
};

/// The template that a model's family and vocabulary call for; the reference chooses by the
/// directory's name.
std::string default_template(const ModelConfig &config, const Tokenizer &tokenizer);

/// Renders and tokenises (mgm-spec 4.2 - 4.4, 5.1, 5.4). Error(Data) for an empty question, invalid
/// UTF-8, an earlier turn without an answer, or a number of `<image>` marks that is not the number
/// of pictures; Error(Settings) for an unknown template.
Prompt build_prompt(const Request &request, const std::string &template_name,
                    const Tokenizer &tokenizer);

} // namespace vlm
