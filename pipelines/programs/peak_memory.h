// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>

namespace vlm {

/// The most memory that the process held since forget_peak(), or ever; 0 where nobody counts.
uint64_t peak_bytes();
/// From now on. False where the system does not let one.
bool forget_peak();
/// Runs `body`, which gives all its memory back, and leaves the peak as it was.
void uncounted(const std::function<void()> &body);

} // namespace vlm
