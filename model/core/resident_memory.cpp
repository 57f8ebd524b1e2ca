// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/resident_memory.h"

#include "model/core/error.h"

#include <cstdint>
#include <malloc.h>
#include <sys/mman.h>

namespace vlm {
namespace {

constexpr size_t kHuge = size_t{2} << 20;

} // namespace

void *map_resident(size_t bytes) {
  const size_t mapped = bytes + kHuge; // more than is needed, to begin where a huge page can
  void *all = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED)
    fail(ErrorCategory::Memory, "no memory for ", bytes, " bytes of weights");
  const auto begin = reinterpret_cast<uintptr_t>(all);
  const uintptr_t first = (begin + kHuge - 1) / kHuge * kHuge;
  void *data = reinterpret_cast<void *>(first);
  if (first > begin)
    munmap(all, first - begin);
  const uintptr_t end = (first + bytes + 4095) / 4096 * 4096;
  munmap(reinterpret_cast<void *>(end), begin + (mapped + 4095) / 4096 * 4096 - end);
  madvise(data, bytes, MADV_HUGEPAGE);
  return data;
}

void unmap_resident(void *data, size_t bytes) noexcept { munmap(data, bytes); }

void keep_large_blocks() {
  constexpr int kLargest = 1 << 30, kPortable = 32 << 20;
  if (!mallopt(M_MMAP_THRESHOLD, kLargest))
    mallopt(M_MMAP_THRESHOLD, kPortable);
  mallopt(M_TRIM_THRESHOLD, kLargest);
}

void give_back_freed_memory() { malloc_trim(0); }

LargeBlocksGivenBack::LargeBlocksGivenBack() { mallopt(M_MMAP_THRESHOLD, 4 << 20); }

} // namespace vlm
