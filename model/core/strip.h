// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace vlm {

/// Valid UTF-8 without white space at either end; white space is what Python's str.isspace() says,
/// since the reference strips answers with str.strip().
std::string strip(std::string_view text);

} // namespace vlm
