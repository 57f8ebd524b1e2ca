// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

namespace vlm {

/// Zeros in a mapping of their own, for what lives as long as a model: in malloc's memory it would
/// leave holes between the temporaries of its loading. Huge pages lie behind it where they fit:
/// fewer faults now, fewer TLB misses in every product. Error(Memory). Any thread.
void *map_resident(size_t bytes);
void unmap_resident(void *data, size_t bytes) noexcept;

} // namespace vlm
