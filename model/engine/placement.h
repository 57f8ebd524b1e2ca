// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace vlm {

/// Where a model lives and in which type its matrices are held.
struct Placement {
  at::Device device;
  at::ScalarType matrix_dtype;
};

/// Names only: Error(Settings) for an unknown device or precision, Error(Unavailable) for one that
/// this build or machine lacks. Never falls back to another device.
void check_placement_names(const ModelOptions &options);

/// Bytes that a model's weights take once loaded, by the type of its matrices.
struct WeightBytes {
  uint64_t float32, bfloat16;
  uint64_t in(at::ScalarType matrix_dtype) const {
    return matrix_dtype == at::kBFloat16 ? bfloat16 : float32;
  }
};

/// What options.precision means: `auto` is bfloat16 where its products are native or where float32
/// weights would take more than half of the memory that is left (in bytes), else float32.
at::ScalarType choose_precision(const ModelOptions &options, const WeightBytes &bytes,
                                uint64_t memory_left);

/// Error(Memory) with both figures when the weights and what a run needs cannot fit.
Placement place(const ModelOptions &options, const WeightBytes &bytes, uint64_t memory_left);

const char *precision_name(at::ScalarType matrix_dtype);

} // namespace vlm
