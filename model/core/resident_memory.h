// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

namespace vlm {

/// Zeros in a mapping of their own, for what lives as long as a model: in malloc's memory it would
/// leave holes between the temporaries of its loading. Huge pages lie behind it where they fit:
/// fewer faults now, fewer TLB misses in every product. Error(Memory). Any thread.
void *map_resident(size_t bytes);
void unmap_resident(void *data, size_t bytes) noexcept;

/// Has malloc keep large blocks that are freed for the next ones: mapped one by one they would be
/// given back each time, and each use would begin with a page fault per 4 KB, which is five to ten
/// times slower for temporaries of some megabytes.
void keep_large_blocks();

/// Gives back what malloc keeps of freed blocks, wherever it lies. Takes milliseconds a gigabyte,
/// and who allocates next pays with page faults: for between large works of different shape.
void give_back_freed_memory();

/// As long as it lives, malloc gives them back instead: kept in pieces, the temporaries of loading
/// or quantising a model come to gigabytes.
class LargeBlocksGivenBack {
public:
  LargeBlocksGivenBack();
  ~LargeBlocksGivenBack() { keep_large_blocks(); }
  LargeBlocksGivenBack(const LargeBlocksGivenBack &) = delete;
  LargeBlocksGivenBack &operator=(const LargeBlocksGivenBack &) = delete;
};

} // namespace vlm
