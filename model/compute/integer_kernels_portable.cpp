// SPDX-License-Identifier: LGPL-2.1-or-later
// For any processor: what AVX-512 VNNI does, in plain loops.
#include "model/compute/integer_kernels_impl.h"

namespace vlm {

extern const IntegerKernels portable_kernels;

namespace {

struct Portable {
  static constexpr int kInt8Rows = 1, kInt4Rows = 1, kPanels = 1;
  static constexpr double kInt8RowCost = 1, kInt4RowCost = 1;
  static constexpr int32_t kOffset = 128;
  struct Sums {
    int32_t row[kPanelRows];
  };
  using GroupSums = Sums;
  struct Weights {
    uint8_t row[kPanelRows][4];
  };

  static Sums load(const int32_t *from) {
    Sums out;
    __builtin_memcpy(&out, from, sizeof out);
    return out;
  }
  static void store(int32_t *to, const Sums &sums) { __builtin_memcpy(to, &sums, sizeof sums); }
  static const int8_t *spread(const int8_t *x) { return x; }

  static Weights int8_weights(const int8_t *from) {
    Weights out;
    for (int i = 0; i < kPanelRows * 4; ++i)
      out.row[i / 4][i % 4] = static_cast<uint8_t>(from[i] + kOffset);
    return out;
  }
  static void multiply(Sums &sums, const Weights &w, const int8_t *x) {
    for (int row = 0; row < kPanelRows; ++row)
      for (int i = 0; i < 4; ++i)
        sums.row[row] += w.row[row][i] * x[i];
  }

  static const uint8_t *nibbles(const uint8_t *from) { return from; }
  static Weights low(const uint8_t *nibbles) {
    Weights out;
    for (int i = 0; i < kPanelRows * 4; ++i)
      out.row[i / 4][i % 4] = nibbles[i] & 15;
    return out;
  }
  static Weights high(const uint8_t *nibbles) {
    Weights out;
    for (int i = 0; i < kPanelRows * 4; ++i)
      out.row[i / 4][i % 4] = nibbles[i] >> 4;
    return out;
  }
  static void add(GroupSums &sums, const Weights &w, const int8_t *x) { multiply(sums, w, x); }
  static const uint8_t *scales(const uint8_t *from) { return from; }
  static void add_scaled(Sums &sums, const GroupSums &group, const uint8_t *scales) {
    for (int row = 0; row < kPanelRows; ++row)
      sums.row[row] += group.row[row] * scales[row];
  }
  static const int8_t *offsets(const int8_t *from) { return from; }
  static void add_offsets(Sums &sums, const int8_t *offsets, const int16_t *x) {
    for (int row = 0; row < kPanelRows; ++row)
      sums.row[row] += offsets[2 * row] * x[0] + offsets[2 * row + 1] * x[1];
  }
};

} // namespace

const IntegerKernels portable_kernels = {"portable", Portable::kOffset, true, int8_kernel<Portable>,
                                         int4_kernel<Portable>};

} // namespace vlm
