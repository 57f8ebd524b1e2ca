// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

namespace gstvlm
{

/// The engine of this process. The first call loads its library, which takes a
/// third of a second: never call it while a registry is scanned. The
/// environment variable GST_VLM_ENGINE, when set, names the only library that
/// is tried. Error(Unsupported) names everything that was tried.
vlm::Engine &engine ();

} // namespace gstvlm
