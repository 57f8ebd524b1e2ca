// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vlm {

/// Length in bytes of the longest valid UTF-8 prefix of `text` (Unicode 15, table 3-7).
size_t utf8_valid_prefix(std::string_view text);

inline bool utf8_valid(std::string_view text) { return utf8_valid_prefix(text) == text.size(); }

/// Whether it is empty or nothing but white space (Unicode's White_Space). False for what is not
/// UTF-8.
bool is_blank(std::string_view text);

/// `text` with every maximal ill-formed subpart replaced by one U+FFFD (what Python's
/// bytes.decode("utf-8", "replace") and Rust's from_utf8_lossy do).
std::string utf8_lossy(std::string_view text);

/// Code points of valid UTF-8; throws Error(Data) with the byte offset on anything else.
std::vector<char32_t> utf8_decode(std::string_view text);

void utf8_append(std::string &out, char32_t code_point);

} // namespace vlm
