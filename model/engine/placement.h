// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include "model/weights/quantization.h"

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace vlm {

/// How a model's matrices are held. Int8 and Int4: those of linear layers; all other matrices are
/// then bfloat16.
enum class Precision { Float32, BFloat16, Int8, Int4 };

const char *precision_name(Precision precision);
at::ScalarType matrix_dtype(Precision precision);
Quantization quantization(Precision precision);

/// Where a model lives and in which precision.
struct Placement {
  at::Device device;
  Precision precision;
};

/// Names only: Error(Settings) for an unknown device or precision, Error(Unavailable) for one that
/// this build, machine or device lacks. Never falls back to another device.
void check_placement_names(const ModelOptions &options);

/// Bytes that a model's weights take once loaded. `stored`: as what a quantised checkpoint holds
/// them, the only form that it can be loaded in. `caches`: keys and values that a run keeps, in
/// bfloat16.
struct WeightBytes {
  uint64_t float32, bfloat16, int8, int4;
  Quantization stored = Quantization::None;
  uint64_t caches = 0;
  uint64_t in(Precision precision) const;
  uint64_t with_caches(Precision precision) const;
};

/// Error(Settings) for a precision that a checkpoint which holds its weights so cannot give, and
/// Error(Unavailable) for a device that cannot use them.
void check_stored(const ModelOptions &options, Quantization stored);

/// What options.precision means: `auto` is what the checkpoint holds when it is quantised, else
/// bfloat16 where its products are native or where float32 weights would take more than half of the
/// memory that is left (in bytes), else float32; on the CPU int8 or int4, with a warning, where
/// that does not fit. Logged in any case.
Precision choose_precision(const ModelOptions &options, const WeightBytes &bytes,
                           uint64_t memory_left);

/// Error(Memory) with both figures when the weights and what a run needs cannot fit.
Placement place(const ModelOptions &options, const WeightBytes &bytes, uint64_t memory_left);

} // namespace vlm
