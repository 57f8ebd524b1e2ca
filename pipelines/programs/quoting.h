// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace vlm {

/// `value` as gst_parse_launch() reads it back.
std::string launch_quoted(const std::string &value);

/// One line that a shell splits into exactly these words.
std::string shell_line(const std::vector<std::string> &words);

} // namespace vlm
