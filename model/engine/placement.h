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

/// Names only: Error(Settings) for an unknown device or precision, Error(Unsupported) for one that
/// this build or machine lacks. Never falls back to another device.
void check_placement_names(const ModelOptions &options);

/// Decides `precision=auto`: bfloat16 where its products are native or where float32 weights would
/// take more than half of the memory that is left, else float32. Error(Memory) with both figures
/// when the weights cannot fit. The arguments after `options` are resident bytes in each type.
Placement place(const ModelOptions &options, uint64_t float32_bytes, uint64_t bfloat16_bytes);

const char *precision_name(at::ScalarType matrix_dtype);

} // namespace vlm
