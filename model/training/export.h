// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/training/tiny_model.h"

#include <string>

namespace vlm {

/// Writes a checkpoint directory of the released layout (mgm-spec section 7): config.json,
/// model.safetensors in bfloat16, and the tokenizer's files copied from `tokenizer`.
void export_checkpoint(const ParameterStore &parameters, const TinyConfig &config,
                       const std::string &tokenizer, const std::string &directory);

} // namespace vlm
