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

float pack_int8_row(const float *x, int64_t columns, int64_t row, void *panel,
                    const ErrorFeedback *) {
  std::vector<int8_t> values(static_cast<size_t>(divided_up(columns, kBlock) * kBlock));
  const float scale = quantize_row(x, columns, values.data());
  place_int8(values, row, static_cast<int8_t *>(panel));
  return scale;
}

void place_group(const uint8_t (&nibbles)[kGroup], int64_t row, int64_t group, Int4Block &block) {
  for (int64_t i = 0; i < kGroup / 2; ++i)
    block.nibbles[group][i / 4][row][i % 4] =
        static_cast<uint8_t>(nibbles[i] | nibbles[i + kGroup / 2] << 4);
}

// Each column of a group is rounded to what its grid has, as the columns before it have left it.
void round_passing_on(float *x, int64_t columns, int64_t first, float scale, const GroupScale &grid,
                      const ErrorFeedback &feedback, uint8_t (&nibbles)[kGroup]) {
  const int32_t most = std::min(15, (127 - grid.offset) / grid.scale);
  for (int64_t i = 0; i < kGroup && first + i < columns; ++i) {
    float &value = x[first + i];
    const auto nearest =
        static_cast<int32_t>(std::lround((value / scale - grid.offset) / grid.scale));
    const int32_t nibble = std::clamp(nearest, 0, most);
    nibbles[i] = static_cast<uint8_t>(nibble);
    const float held = scale * static_cast<float>(grid.offset + grid.scale * nibble);
    feedback.pass_on(x, first + i, value - held);
  }
}

float pack_int4_row(const float *x, int64_t columns, int64_t row, void *panel,
                    const ErrorFeedback *feedback) {
  const float scale = largest_magnitude(x, columns) / 127;
  std::vector<float> changed;
  if (feedback) {
    changed.assign(x, x + columns);
    x = changed.data();
  }
  for (int64_t k = 0; k < columns && scale > kZeroRow; k += kGroup) {
    float scaled[kGroup];
    for (int64_t i = 0; i < kGroup; ++i) // behind the end of a row its last value stands
      scaled[i] = std::clamp(x[std::min(k + i, columns - 1)] / scale, -127.f, 127.f);
    Int4Block &block = static_cast<Int4Block *>(panel)[k / kBlock];
    const int64_t group = k % kBlock / kGroup;
    uint8_t nibbles[kGroup];
    const GroupScale found = quantize_group(scaled, nibbles);
    if (feedback)
      round_passing_on(changed.data(), columns, k, scale, found, *feedback, nibbles);
    block.scales[group][row] = found.scale;
    block.offsets[row][group] = found.offset;
    place_group(nibbles, row, group, block);
  }
  return scale > kZeroRow ? scale : 0;
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
  const auto pack_row = kind_ == Quantization::Int4 ? pack_int4_row : pack_int8_row;
  auto *packed = packed_.data_ptr<uint8_t>();
  float *scales = scales_.data_ptr<float>() + panel * kPanelRows;
  const int64_t panel_bytes = packed_.stride(0);
  parallel_for(0, divided_up(count, kPanelRows), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * kPanelRows; i < std::min(end * kPanelRows, count); ++i)
      scales[i] = pack_row(rows + i * in_, in_, i % kPanelRows,
                           packed + (panel + i / kPanelRows) * panel_bytes, feedback);
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
