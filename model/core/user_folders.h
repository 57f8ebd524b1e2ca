// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace vlm {

/// Where files of this user lie, by the XDG base directory specification; below the working
/// directory when there is no home. Nothing is made.
std::string user_state_folder(const std::string &name);

/// The same for what can be made again; GST_VLM_CACHE_DIR, when set, is the folder above `name`.
/// Empty when that is set to nothing or there is no home: then nothing is to be kept.
std::string user_cache_folder(const std::string &name);

} // namespace vlm
