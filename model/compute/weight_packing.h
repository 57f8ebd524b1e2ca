// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/integer_kernels.h"

/// Rows of a matrix on their way into a panel of integers (integer_kernels.h). Any thread.
namespace vlm {

class ErrorFeedback;

/// At most kPanelRows.
struct FloatRows {
  const float *values; ///< [count, columns]
  int64_t count, columns;
};

/// Writes the blocks of a panel, which were zeros, and the scale of each row, 0 for one of zeros.
void pack_int8(const FloatRows &rows, int8_t *panel, float *scales);
/// `feedback` may be null.
void pack_int4(const FloatRows &rows, const ErrorFeedback *feedback, Int4Block *panel,
               float *scales);

} // namespace vlm
