// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace vlm {

/// 16 hexadecimal digits that tell whether large data was damaged, at the speed of memory: FNV-1a
/// over 64-bit little-endian words in eight interleaved lanes, the last word filled up with zeros;
/// the lanes and the length are then folded in the same way. Any damage to a single word is seen.
/// Not against intent: that needs a Digest.
std::string checksum(std::string_view bytes);

} // namespace vlm
