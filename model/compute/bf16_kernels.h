// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

/// Products of bfloat16 pairs, summed in float32, of small matrices that are packed for it on the
/// way. For use inside of model/compute, and only where cpu_has_bf16(). Values are the bits of
/// bfloat16, rounded to nearest.
namespace vlm::bf16 {

/// Columns of a right-hand matrix that lie together: for each pair of its rows, two values a
/// column.
constexpr int64_t kPanel = 32;

constexpr int64_t panels(int64_t columns) { return (columns + kPanel - 1) / kPanel; }
constexpr int64_t pairs(int64_t rows) { return (rows + 1) / 2; }
/// Of a packed matrix, in values.
constexpr int64_t packed_size(int64_t rows, int64_t columns) {
  return panels(columns) * pairs(rows) * kPanel * 2;
}

/// A row of a left-hand matrix, times `scale`; zeros behind it up to `room`.
void round(const float *from, int64_t count, float scale, uint16_t *to, int64_t room);

/// A right-hand matrix [rows, columns] with `stride` from row to row; rows of zeros up to `room`.
void pack(const float *from, int64_t stride, int64_t rows, int64_t columns, int64_t room,
          uint16_t *to);
/// The transpose of [columns, rows], with `stride` from column to column.
void pack_transposed(const float *from, int64_t stride, int64_t rows, int64_t columns,
                     uint16_t *to);

/// c [m, panels * kPanel] = a [m, 2 * pairs] times a packed matrix.
void multiply(int64_t m, const uint16_t *a, int64_t pairs, const uint16_t *packed, int64_t panels,
              float *c);

} // namespace vlm::bf16
