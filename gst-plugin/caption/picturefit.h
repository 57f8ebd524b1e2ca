// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

namespace gstvlm
{

/// How many of `count` pictures fit into the model's context beside a text of
/// `text_bytes` and an answer of `max_tokens`; at least one.
size_t pictures_that_fit (const vlm::ModelInfo &info, size_t count,
    size_t text_bytes, int64_t max_tokens);

} // namespace gstvlm
