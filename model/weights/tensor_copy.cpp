// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/tensor_copy.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace vlm {
namespace {

constexpr int64_t chunk_elements = int64_t{1} << 23;

/// True when no value has all exponent bits set. Written so that compilers vectorise it.
template <typename Word> bool finite_words(const void *data, int64_t count, Word exponent) {
  const Word *words = static_cast<const Word *>(data);
  Word largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max<Word>(largest, words[i] & exponent);
  return largest != exponent;
}

bool finite_part(const at::Tensor &flat) {
  const void *data = flat.data_ptr();
  switch (flat.scalar_type()) {
  case at::kFloat:
    return finite_words<uint32_t>(data, flat.numel(), 0x7f800000u);
  case at::kBFloat16:
    return finite_words<uint16_t>(data, flat.numel(), 0x7f80u);
  case at::kHalf:
    return finite_words<uint16_t>(data, flat.numel(), 0x7c00u);
  case at::kDouble:
    return finite_words<uint64_t>(data, flat.numel(), 0x7ff0000000000000u);
  default:
    return true; // integers
  }
}

/// Asks for huge pages behind a large tensor: fewer faults now, fewer TLB misses in every product.
void advise_huge_pages(const at::Tensor &tensor) {
  constexpr uintptr_t huge = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(tensor.data_ptr());
  const uintptr_t first = (begin + huge - 1) / huge * huge;
  const uintptr_t last = (begin + tensor.nbytes()) / huge * huge;
  if (last > first)
    madvise(reinterpret_cast<void *>(first), last - first, MADV_HUGEPAGE);
}

} // namespace

std::optional<int64_t> checked_numel(const std::vector<int64_t> &shape) {
  constexpr int64_t limit = int64_t{1} << 48;
  if (shape.size() > 8)
    return {};
  int64_t product = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0 || size > limit)
      return {};
    empty = empty || size == 0;
    if (size > 0 && product > limit / size)
      return {};
    product *= std::max<int64_t>(size, 1);
  }
  return empty ? 0 : product;
}

bool all_finite(const at::Tensor &tensor) { return finite_part(tensor.view({-1})); }

at::Tensor copy_tensor(const MappedFile &file, size_t offset, const std::vector<int64_t> &shape,
                       at::ScalarType stored, at::ScalarType wanted, bool *finite) {
  at::Tensor out = at::empty(shape, at::TensorOptions().dtype(wanted));
  advise_huge_pages(out);
  const at::Tensor flat = out.view({-1});
  const size_t width = c10::elementSize(stored);
  const bool aligned = reinterpret_cast<uintptr_t>(file.bytes().data() + offset) % width == 0;
  if (finite)
    *finite = true;
  for (int64_t begin = 0; begin < flat.numel(); begin += chunk_elements) {
    const int64_t count = std::min(chunk_elements, flat.numel() - begin);
    const size_t at = offset + static_cast<size_t>(begin) * width;
    const size_t bytes = static_cast<size_t>(count) * width;
    const char *data = file.bytes().data() + at;
    at::Tensor source;
    if (aligned) { // from_blob has no const form; the source is only read
      source = at::from_blob(const_cast<char *>(data), {count}, at::TensorOptions().dtype(stored));
    } else {
      source = at::empty({count}, at::TensorOptions().dtype(stored));
      std::memcpy(source.data_ptr(), data, bytes);
    }
    const at::Tensor part = flat.narrow(0, begin, count);
    part.copy_(source);
    file.release(at, bytes);
    if (finite)
      *finite = *finite && finite_part(part);
  }
  return out;
}

} // namespace vlm
