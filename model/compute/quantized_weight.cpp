// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/quantized_weight.h"

#include "model/compute/error_feedback.h"
#include "model/compute/quantize.h"
#include "model/compute/threads.h"
#include "model/core/error.h"
#include "model/weights/resident.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

namespace vlm {
namespace {

constexpr int64_t kMostColumns = 65536; // times 255 * 127 is below 2^31
constexpr float kZeroRow = 1e-30f;      // a row below it counts as zeros
constexpr int64_t kMostGroupScale = 17;
constexpr int64_t kAtOnce = int64_t{1} << 22; // weights that are float32 meanwhile

int64_t block_bytes(Quantization kind) {
  return kind == Quantization::Int4 ? int64_t{sizeof(Int4Block)} : kInt8Block;
}

int64_t divided_up(int64_t size, int64_t by) { return (size + by - 1) / by; }

void check_columns(int64_t in) {
  if (in > kMostColumns)
    fail(ErrorCategory::Unsupported, "a matrix of ", in, " columns cannot be held in int8 or int4");
}

// Their blocks tell them apart.
Quantization stored_kind(const Scope &scope) {
  const std::vector<int64_t> shape = scope.shape("qweight");
  const bool int4 = shape.size() == 3 && shape[2] == block_bytes(Quantization::Int4);
  return int4 ? Quantization::Int4 : Quantization::Int8;
}

// One row of a panel, cut into its blocks.
void place_int8(const std::vector<int8_t> &values, int64_t row, int8_t *panel) {
  for (size_t k = 0; k < values.size(); k += 4)
    std::copy_n(&values[k], 4, panel + static_cast<int64_t>(k) * kPanelRows + row * 4);
}

// Rows that are packed together, at most kPanelRows.
struct Rows {
  const float *values; // [count, columns]
  int64_t count, columns;
};

void pack_int8(const Rows &rows, const ErrorFeedback *, void *panel, float *scales) {
  std::vector<int8_t> values(static_cast<size_t>(divided_up(rows.columns, kBlock) * kBlock));
  for (int64_t row = 0; row < rows.count; ++row) {
    scales[row] = quantize_row(rows.values + row * rows.columns, rows.columns, values.data());
    place_int8(values, row, static_cast<int8_t *>(panel));
  }
}

class Int4Packing {
public:
  Int4Packing(const Rows &rows, const ErrorFeedback *feedback, void *panel, float *scales)
      : rows_(rows), feedback_(feedback), blocks_(static_cast<Int4Block *>(panel)),
        scales_(scales) {
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

  const Rows rows_;
  const ErrorFeedback *feedback_;
  Int4Block *blocks_;
  float *scales_;
  std::vector<float> changed_; // with feedback: the rows, as rounded columns have left them
};

void pack_int4(const Rows &rows, const ErrorFeedback *feedback, void *panel, float *scales) {
  Int4Packing(rows, feedback, panel, scales).run();
}

constexpr int64_t kUnpacked = 8; // rows at a time

// A group's scale and offset in some rows of a block, spread over four bytes of each.
class GroupOfRows {
public:
  GroupOfRows(const Int4Block &block, int64_t group, int64_t row) {
    uint32_t scales[kUnpacked], offsets[kUnpacked];
    for (int64_t i = 0; i < kUnpacked; ++i) {
      scales[i] = block.scales[group][row + i] * 0x00010001u;
      offsets[i] = static_cast<uint8_t>(block.offsets[row + i][group]) * 0x01010101u;
    }
    std::memcpy(&scales_, scales, sizeof scales_);
    std::memcpy(&offsets_, offsets, sizeof offsets_);
  }

  void write(const uint8_t *nibbles, int8_t *low, int8_t *high) const {
    Pairs both;
    std::memcpy(&both, nibbles, sizeof both);
    store(both & 15, both >> 8 & 15, low);
    store(both >> 4 & 15, both >> 12, high);
  }

private:
  using Pairs = uint16_t __attribute__((vector_size(4 * kUnpacked))); // of bytes
  using Bytes = uint8_t __attribute__((vector_size(4 * kUnpacked)));

  // Products are below 256, since each weight less its offset is.
  void store(Pairs first, Pairs second, int8_t *to) const {
    const Pairs products = first * scales_ | second * scales_ << 8;
    Bytes bytes;
    std::memcpy(&bytes, &products, sizeof bytes);
    bytes += offsets_;
    std::memcpy(to, &bytes, sizeof bytes);
  }

  Pairs scales_;
  Bytes offsets_;
};

} // namespace

QuantizedWeight::QuantizedWeight(Quantization kind, int64_t out, int64_t in, const Rows &rows,
                                 const Calibration &found)
    : kind_(kind), out_(out), in_(in), smoothing_(found.smoothing),
      activation_terms_(found.activation_terms) {
  check_columns(in);
  const int64_t panels = divided_up(out, kPanelRows);
  packed_ = resident_empty({panels, divided_up(in, kBlock), block_bytes(kind)}, at::kByte).zero_();
  scales_ = at::zeros({panels * kPanelRows}, at::kFloat);
  const int64_t step =
      divided_up(std::max<int64_t>(kAtOnce / std::max<int64_t>(in, 1), 1), kPanelRows) * kPanelRows;
  for (int64_t first = 0; first < out; first += step) {
    at::Tensor part = rows(first, std::min(step, out - first));
    if (smoothing_.defined())
      part = part / smoothing_;
    part = part.contiguous();
    pack(part.data_ptr<float>(), part.size(0), first / kPanelRows, found.feedback);
  }
}

QuantizedWeight::QuantizedWeight(const Scope &scope, int64_t out, int64_t in)
    : kind_(stored_kind(scope)), out_(out), in_(in) {
  check_columns(in);
  const int64_t panels = divided_up(out, kPanelRows);
  packed_ = scope.bytes("qweight", {panels, divided_up(in, kBlock), block_bytes(kind_)});
  scales_ = scope.tensor("scales", {panels * kPanelRows});
  if (scope.contains("smoothing"))
    smoothing_ = scope.tensor("smoothing", {in});
  if (scope.contains("activation_terms"))
    activation_terms_ = scope.bytes("activation_terms", {1}).item<int64_t>();
  if (activation_terms_ < 1 || activation_terms_ > 2)
    scope.wrong("activation_terms", "is " + std::to_string(activation_terms_) + ", must be 1 or 2");
  // Larger ones would leave the 32 bits of the kernels' sums.
  constexpr int64_t kScales = offsetof(Int4Block, scales);
  if (kind_ == Quantization::Int4 &&
      packed_.narrow(2, kScales, 2 * kPanelRows).max().item<int64_t>() > kMostGroupScale)
    scope.wrong("qweight", "holds a group's scale above " + std::to_string(kMostGroupScale));
}

std::vector<std::pair<std::string, at::Tensor>> QuantizedWeight::tensors() const {
  std::vector<std::pair<std::string, at::Tensor>> out = {{"qweight", packed_}, {"scales", scales_}};
  if (smoothing_.defined())
    out.emplace_back("smoothing", smoothing_);
  if (activation_terms_ > 1)
    out.emplace_back("activation_terms", at::full({1}, activation_terms_, at::kByte));
  return out;
}

void QuantizedWeight::pack(const float *rows, int64_t count, int64_t panel,
                           const ErrorFeedback *feedback) {
  const auto pack_panel = kind_ == Quantization::Int4 ? pack_int4 : pack_int8;
  parallel_for(0, divided_up(count, kPanelRows), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      pack_panel({rows + i * kPanelRows * in_, std::min(kPanelRows, count - i * kPanelRows), in_},
                 feedback, packed_.data_ptr<uint8_t>() + (panel + i) * packed_.stride(0),
                 scales_.data_ptr<float>() + (panel + i) * kPanelRows);
  });
}

const float *QuantizedWeight::scales(int64_t panel) const {
  return scales_.data_ptr<float>() + panel * kPanelRows;
}

const int8_t *QuantizedWeight::int8(int64_t panel, int64_t block) const {
  return reinterpret_cast<const int8_t *>(packed_.data_ptr<uint8_t>()) + panel * packed_.stride(0) +
         block * kInt8Block;
}

const Int4Block *QuantizedWeight::int4(int64_t panel, int64_t block) const {
  return reinterpret_cast<const Int4Block *>(packed_.data_ptr<uint8_t>() +
                                             panel * packed_.stride(0)) +
         block;
}

void QuantizedWeight::row(int64_t number, float *to) const {
  const int64_t panel = number / kPanelRows, first = number % kPanelRows * 4;
  const float scale = scales(panel)[number % kPanelRows];
  int8_t room[kInt8Block];
  for (int64_t block = 0; block < blocks(); ++block) {
    if (kind_ == Quantization::Int4)
      unpack(*int4(panel, block), room);
    const int8_t *values = kind_ == Quantization::Int4 ? room : int8(panel, block);
    const int64_t columns = std::min(kBlock, in_ - block * kBlock);
    for (int64_t i = 0; i < columns; ++i)
      to[block * kBlock + i] =
          scale * static_cast<float>(values[i / 4 * 4 * kPanelRows + first + i % 4]);
  }
  if (smoothing_.defined())
    std::transform(to, to + in_, smoothing_.data_ptr<float>(), to, std::multiplies<>());
}

void unpack(const Int4Block &block, int8_t *out) {
  for (int group = 0; group < 2; ++group)
    for (int64_t row = 0; row < kPanelRows; row += kUnpacked) {
      const GroupOfRows weights(block, group, row);
      for (int j = 0; j < 4; ++j) {
        int8_t *low = out + ((group * 8 + j) * kPanelRows + row) * 4;
        weights.write(block.nibbles[group][j][row], low, low + 4 * kPanelRows * 4);
      }
    }
}

} // namespace vlm
