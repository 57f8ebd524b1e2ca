// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>

namespace vlm {

/// Everything of an SDXL directory but its weights: the released model's configurations, and
/// tokenizers that know single characters and one pair.
void write_sdxl_settings(const std::filesystem::path &directory);

} // namespace vlm
