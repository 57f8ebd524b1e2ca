// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/resident_memory.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

namespace vlm {

/// A tensor for weights (core/resident_memory.h): what it holds at first is not to be relied on.
inline at::Tensor resident_empty(at::IntArrayRef shape, at::ScalarType dtype) {
  constexpr size_t kWorthMapping = size_t{1} << 20;
  const size_t bytes = static_cast<size_t>(c10::multiply_integers(shape)) * c10::elementSize(dtype);
  if (bytes < kWorthMapping)
    return at::empty(shape, at::TensorOptions().dtype(dtype));
  return at::from_blob(
      map_resident(bytes), shape, [bytes](void *data) { unmap_resident(data, bytes); },
      at::TensorOptions().dtype(dtype));
}

} // namespace vlm
