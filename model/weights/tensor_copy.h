// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/mapped_file.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace vlm {

/// Number of elements. Nothing when a size is negative, when there are more than 8 of them, or when
/// their product (zeros left out, as strides see it) leaves 48 bits.
std::optional<int64_t> checked_numel(const std::vector<int64_t> &shape);

/// Copies the contiguous little-endian values of type `stored` at `offset` of a mapped file into a
/// new tensor of type `wanted`, piece by piece: each piece's mapped pages are given back before the
/// next one is touched. The caller has checked that the range lies in the file. `finite` (may be
/// null) receives whether the result is free of NaN and infinity.
at::Tensor copy_tensor(const MappedFile &file, size_t offset, const std::vector<int64_t> &shape,
                       at::ScalarType stored, at::ScalarType wanted, bool *finite = nullptr);

/// Whether a contiguous CPU tensor is free of NaN and infinity.
bool all_finite(const at::Tensor &tensor);

} // namespace vlm
