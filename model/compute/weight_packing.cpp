// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/weight_packing.h"

#include "model/compute/error_feedback.h"
#include "model/compute/quantize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vlm {
namespace {

constexpr float kZeroRow = 1e-30f; // a row below it counts as zeros

// One row of a panel, cut into its blocks.
void place_int8(const std::vector<int8_t> &values, int64_t row, int8_t *panel) {
  for (size_t k = 0; k < values.size(); k += 4)
    std::copy_n(&values[k], 4, panel + static_cast<int64_t>(k) * kPanelRows + row * 4);
}

class Int4Packing {
public:
  Int4Packing(const FloatRows &rows, const ErrorFeedback *feedback, Int4Block *panel, float *scales)
      : rows_(rows), feedback_(feedback), blocks_(panel), scales_(scales) {
    if (feedback)
      changed_.assign(rows.values, rows.values + rows.count * rows.columns);
  }

  void run() {
    for (int64_t row = 0; row < rows_.count; ++row) {
      const float scale =
          largest_magnitude(rows_.values + row * rows_.columns, rows_.columns) / 127;
      scales_[row] = scale > kZeroRow ? scale : 0;
    }
    for (int64_t column = 0; column < rows_.columns; column += kGroup)
      pack_groups(column);
  }

private:
  struct Group {
    GroupScale grid;
    uint8_t nibbles[kGroup];
  };

  // One group of all rows.
  void pack_groups(int64_t column) {
    Group groups[kPanelRows] = {};
    for (int64_t row = 0; row < rows_.count; ++row)
      if (scales_[row] > 0)
        groups[row] = nearest(row, column);
    if (feedback_)
      round_passing_on(column, groups);
    Int4Block &block = blocks_[column / kBlock];
    const int64_t number = column % kBlock / kGroup;
    for (int64_t row = 0; row < rows_.count; ++row) {
      if (scales_[row] == 0)
        continue;
      block.scales[number][row] = groups[row].grid.scale;
      block.offsets[row][number] = groups[row].grid.offset;
      place(groups[row].nibbles, row, number, block);
    }
  }

  Group nearest(int64_t row, int64_t column) const {
    const float *x = feedback_ ? changed_.data() : rows_.values;
    float scaled[kGroup], costs[kGroup];
    for (int64_t i = 0; i < kGroup; ++i) { // behind the end of a row its last value stands
      const int64_t at = std::min(column + i, rows_.columns - 1);
      scaled[i] = std::clamp(x[row * rows_.columns + at] / scales_[row], -127.f, 127.f);
      costs[i] = feedback_ ? feedback_->costs()[at] : 1;
    }
    Group out;
    out.grid = quantize_group(scaled, costs, out.nibbles);
    return out;
  }

  // Each column of the groups is rounded to what their grids have, as the columns before it have
  // left it.
  void round_passing_on(int64_t first, Group (&groups)[kPanelRows]) {
    for (int64_t i = 0; i < kGroup && first + i < rows_.columns; ++i) {
      float errors[kPanelRows] = {};
      for (int64_t row = 0; row < rows_.count; ++row)
        if (scales_[row] > 0)
          errors[row] = round(changed_[static_cast<size_t>(row * rows_.columns + first + i)],
                              scales_[row], i, groups[row]);
      feedback_->pass_on(changed_.data(), rows_.columns, rows_.count, first + i, errors);
    }
  }

  // Value i of a group; what it is less than `value`.
  static float round(float value, float scale, int64_t i, Group &group) {
    const GroupScale &grid = group.grid;
    const int32_t most = std::min(15, (127 - grid.offset) / grid.scale);
    const auto nearest =
        static_cast<int32_t>(std::lround((value / scale - grid.offset) / grid.scale));
    const int32_t nibble = std::clamp(nearest, 0, most);
    group.nibbles[i] = static_cast<uint8_t>(nibble);
    return value - scale * static_cast<float>(grid.offset + grid.scale * nibble);
  }

  static void place(const uint8_t (&nibbles)[kGroup], int64_t row, int64_t group,
                    Int4Block &block) {
    for (int64_t i = 0; i < kGroup / 2; ++i)
      block.nibbles[group][i / 4][row][i % 4] =
          static_cast<uint8_t>(nibbles[i] | nibbles[i + kGroup / 2] << 4);
  }

  const FloatRows rows_;
  const ErrorFeedback *feedback_;
  Int4Block *blocks_;
  float *scales_;
  std::vector<float> changed_; // with feedback: the rows, as rounded columns have left them
};

} // namespace

void pack_int8(const FloatRows &rows, int8_t *panel, float *scales) {
  std::vector<int8_t> values(static_cast<size_t>((rows.columns + kBlock - 1) / kBlock * kBlock));
  for (int64_t row = 0; row < rows.count; ++row) {
    scales[row] = quantize_row(rows.values + row * rows.columns, rows.columns, values.data());
    place_int8(values, row, panel);
  }
}

void pack_int4(const FloatRows &rows, const ErrorFeedback *feedback, Int4Block *panel,
               float *scales) {
  Int4Packing(rows, feedback, panel, scales).run();
}

} // namespace vlm
