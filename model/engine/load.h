// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

namespace vlm {

/// What can be told of options without reading weights: names are known, the directory and its
/// config.json exist and describe a model of ours. Errors name the culprit.
void check_options(const ModelOptions &options);

/// The same options without anything left to decide: the real path (of the embedded model when none
/// is given), "cuda:0" for "cuda", and the precision that `auto` means here and now. Reads the
/// checkpoint's headers; errors as check_options() and Model::load().
ModelOptions resolve_options(const ModelOptions &options);

} // namespace vlm
