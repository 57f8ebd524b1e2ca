// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace vlm {

/// How linear layers hold their matrices when not in a floating-point type (compute/
/// quantized_weight.h has the formats).
enum class Quantization {
  None,
  Int8, ///< a scale per row
  Int4, ///< 4 bits in groups, whose integer scales and offsets lie inside of Int8's
};

/// Bytes that a matrix [rows, columns] takes, with its padding and its scales; not for None.
inline uint64_t quantized_bytes(Quantization kind, int64_t rows, int64_t columns) {
  const auto padded = [](int64_t size, uint64_t to) {
    return (static_cast<uint64_t>(size) + to - 1) / to * to;
  };
  const uint64_t held = padded(rows, 16), values = held * padded(columns, 64);
  return (kind == Quantization::Int4 ? values / 16 * 9 : values) + held * sizeof(float);
}

} // namespace vlm
