// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/huge_pages.h"

#include <cstdint>
#include <sys/mman.h>

namespace vlm {

void advise_huge_pages(void *data, size_t bytes) {
  constexpr uintptr_t huge = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (begin + huge - 1) / huge * huge;
  const uintptr_t last = (begin + bytes) / huge * huge;
  if (last > first)
    madvise(reinterpret_cast<void *>(first), last - first, MADV_HUGEPAGE);
}

} // namespace vlm
