// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/tensor_file.h"

#include "model/core/error.h"
#include "model/weights/resident.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>

namespace vlm {
namespace {

constexpr int64_t chunk_elements = int64_t{1} << 23;
constexpr size_t prefetch_bytes = size_t{32} << 20;

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

/// `count` values that lie in the file at `at`. The caller copies them before the file goes away.
at::Tensor stored_values(const MappedFile &file, size_t at, int64_t count, at::ScalarType dtype) {
  const size_t width = c10::elementSize(dtype);
  const char *data = file.bytes().data() + at;
  if (reinterpret_cast<uintptr_t>(data) % width ==
      0) // from_blob has no const form; it is only read
    return at::from_blob(const_cast<char *>(data), {count}, at::TensorOptions().dtype(dtype));
  const at::Tensor aligned = at::empty({count}, at::TensorOptions().dtype(dtype));
  std::memcpy(aligned.data_ptr(), data, static_cast<size_t>(count) * width);
  return aligned;
}

/// Into `out`, piece by piece: each piece's mapped pages are given back before the next one is
/// touched.
at::Tensor copy_contiguous(const MappedFile &file, const TensorFile::Info &info,
                           const at::Tensor &out, bool &finite) {
  const at::Tensor flat = out.view({-1});
  const size_t width = c10::elementSize(info.dtype);
  for (int64_t begin = 0; begin < flat.numel(); begin += chunk_elements) {
    const int64_t count = std::min(chunk_elements, flat.numel() - begin);
    const size_t at = info.offset + static_cast<size_t>(begin) * width;
    const size_t bytes = static_cast<size_t>(count) * width;
    file.prefetch(at + bytes, prefetch_bytes); // the disk works while this piece is converted
    const at::Tensor part = flat.narrow(0, begin, count);
    part.copy_(stored_values(file, at, count, info.dtype));
    file.release(at, bytes);
    finite = finite && finite_part(part);
  }
  return out;
}

at::Tensor copy_strided(const MappedFile &file, const TensorFile::Info &info, at::ScalarType wanted,
                        bool &finite) {
  const auto span = static_cast<int64_t>(info.bytes / c10::elementSize(info.dtype));
  const at::Tensor stored = stored_values(file, info.offset, span, info.dtype);
  const at::Tensor out = at::empty(info.shape, at::TensorOptions().dtype(wanted));
  out.copy_(stored.as_strided(info.shape, info.strides));
  file.release(info.offset, info.bytes);
  finite = finite_part(out.view({-1}));
  return out;
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

const TensorFile::Info &TensorFile::info(const std::string &name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    fail(ErrorCategory::Format, path(), ": tensor ", name, " is missing");
  return found->second;
}

void TensorFile::prefetch_behind(const Info &info) const {
  file_.prefetch(info.offset + info.bytes, prefetch_bytes);
}

at::Tensor TensorFile::load(const std::string &name, std::optional<at::ScalarType> dtype,
                            bool *finite) const {
  const Info &info = this->info(name);
  const at::ScalarType wanted = dtype.value_or(info.dtype);
  bool clean = true;
  const at::Tensor out =
      info.strides.empty() ? copy_contiguous(file_, info, resident_empty(info.shape, wanted), clean)
                           : copy_strided(file_, info, wanted, clean);
  if (finite)
    *finite = clean;
  return out;
}

at::Tensor TensorFile::load_rows(const std::string &name, int64_t first, int64_t count,
                                 at::ScalarType dtype, bool *finite) const {
  const Info &info = this->info(name);
  if (!info.strides.empty())
    return load(name, dtype, finite).narrow(0, first, count);
  Info part = info;
  const size_t row = info.shape[0] > 0 ? info.bytes / static_cast<size_t>(info.shape[0]) : 0;
  part.shape[0] = count;
  part.offset += static_cast<size_t>(first) * row;
  part.bytes = static_cast<size_t>(count) * row;
  *finite = true;
  const at::Tensor out = at::empty(part.shape, at::TensorOptions().dtype(dtype));
  return copy_contiguous(file_, part, out, *finite);
}

} // namespace vlm
