// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

namespace vlm {

/// What can be told of options without reading weights: names are known, the directory and its
/// config.json exist and describe a model of ours. Errors name the culprit.
void check_options(const ModelOptions &options);

} // namespace vlm
