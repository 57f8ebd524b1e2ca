// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace vlm {

/// Runs a program that is found in PATH to its end and returns what it printed. Its environment is
/// this one's without what prepare_environment() (core/environment.h) sets for our own libraries.
/// Error(Failed) with the end of what it complained of, unless its exit status is 0.
std::string output_of(const std::vector<std::string> &command);

/// Error(Unavailable) naming all of `programs` that are not in PATH, and `purpose`.
void check_programs(const std::vector<std::string> &programs, const std::string &purpose);

} // namespace vlm
