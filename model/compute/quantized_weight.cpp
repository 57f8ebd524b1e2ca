// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/quantized_weight.h"

#include "model/compute/threads.h"
#include "model/compute/weight_packing.h"
#include "model/core/error.h"
#include "model/weights/resident.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

namespace vlm {
namespace {

constexpr int64_t kMostColumns = 65536; // times 255 * 127 is below 2^31
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
  parallel_for(0, divided_up(count, kPanelRows), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const FloatRows some = {rows + i * kPanelRows * in_,
                              std::min(kPanelRows, count - i * kPanelRows), in_};
      uint8_t *to = packed_.data_ptr<uint8_t>() + (panel + i) * packed_.stride(0);
      float *scales = scales_.data_ptr<float>() + (panel + i) * kPanelRows;
      if (kind_ == Quantization::Int4)
        pack_int4(some, feedback, reinterpret_cast<Int4Block *>(to), scales);
      else
        pack_int8(some, reinterpret_cast<int8_t *>(to), scales);
    }
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
