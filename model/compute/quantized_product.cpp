// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/quantized_product.h"

#include "model/compute/quantized_rows.h"
#include "model/compute/simd.h"
#include "model/compute/threads.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

namespace vlm {
namespace {

constexpr int64_t kPanels = 4; // panels, blocks of each and rows of x that stay near meanwhile
constexpr int64_t kBlocks = 16;
constexpr int64_t kRows = 256;
// Up to here panels are read one by one, as they lie in memory; above, 4-bit weights are unpacked
// where that is worth it.
constexpr int64_t kFew = 32;

class Product {
public:
  Product(const QuantizedRows &x, const QuantizedWeight &weight, const float *bias, float *y,
          const IntegerKernels &kernels)
      : x_(x), weight_(weight), bias_(bias), y_(y), kernels_(kernels),
        outputs_(x.count() / weight.activation_terms()),
        unpacks_(weight.kind() == Quantization::Int4 && kernels.unpack_for_many &&
                 x.count() > kFew),
        int8_(weight.kind() == Quantization::Int8 || unpacks_) {}

  // The outputs of some panels.
  void run(int64_t panel, int64_t end) const {
    Near near;
    const int64_t step = x_.count() > kFew ? kPanels : 1;
    near.sums.resize(static_cast<size_t>(std::min(kRows, x_.count()) * step * kPanelRows));
    if (unpacks_)
      near.unpacked.resize(kPanels * kBlocks * kInt8Block);
    for (; panel < end; panel += step)
      for (int64_t row = 0; row < x_.count(); row += kRows)
        tile({panel, std::min(step, end - panel), row, std::min(kRows, x_.count() - row)}, near);
  }

private:
  struct Near {
    std::vector<int32_t> sums;    // [panels, rows, kPanelRows]
    std::vector<int8_t> unpacked; // [panels, blocks]
  };
  struct Tile {
    int64_t panel, panels, row, rows;
    int32_t *sums(Near &near, int64_t p, int64_t r) const {
      return &near.sums[static_cast<size_t>((p * rows + r) * kPanelRows)];
    }
  };

  void tile(const Tile &t, Near &near) const {
    begin(t, near);
    for (int64_t block = 0; block < weight_.blocks(); block += kBlocks) {
      const int64_t blocks = std::min(kBlocks, weight_.blocks() - block);
      if (unpacks_) {
        unpack_panels(t, block, blocks, near);
        multiply<int8_t>(kernels_.int8, t, block,
                         {0, near.unpacked.data(), kBlocks * kInt8Block, blocks}, near);
      } else if (int8_) {
        multiply<int8_t>(kernels_.int8, t, block,
                         {0, weight_.int8(t.panel, block), weight_.blocks() * kInt8Block, blocks},
                         near);
      } else {
        multiply<Int4Block>(kernels_.int4, t, block,
                            {0, weight_.int4(t.panel, block), weight_.blocks(), blocks}, near);
      }
    }
    finish(t, near);
  }

  void begin(const Tile &t, Near &near) const {
    for (int64_t r = 0; r < t.rows; ++r) {
      const int32_t sum = int8_ ? -kernels_.int8_offset * x_.sum(t.row + r) : 0;
      for (int64_t p = 0; p < t.panels; ++p)
        std::fill_n(t.sums(near, p, r), kPanelRows, sum);
    }
  }

  void unpack_panels(const Tile &t, int64_t block, int64_t blocks, Near &near) const {
    for (int64_t p = 0; p < t.panels; ++p)
      for (int64_t b = 0; b < blocks; ++b)
        unpack(*weight_.int4(t.panel + p, block + b),
               &near.unpacked[static_cast<size_t>((p * kBlocks + b) * kInt8Block)]);
  }

  // `panels`: the tile's first one.
  template <class Weights>
  void multiply(const IntegerKernel<Weights> &kernel, const Tile &t, int64_t block,
                Panels<Weights> panels, Near &near) const {
    panels.sums_stride = t.rows * kPanelRows;
    const Weights *weights = panels.weights;
    for (int64_t r = 0; r < t.rows; r += kernel.rows)
      for (int64_t p = 0; p < t.panels; p += kernel.panels) {
        panels.count = std::min(kernel.panels, t.panels - p);
        panels.weights = weights + p * panels.stride;
        panels.sums = t.sums(near, p, r);
        kernel.run(std::min(kernel.rows, t.rows - r), x_.at(t.row + r, block), panels);
      }
  }

  void finish(const Tile &t, Near &near) const {
    for (int64_t p = 0; p < t.panels; ++p) {
      const int64_t first = (t.panel + p) * kPanelRows;
      const int64_t count = std::min(kPanelRows, weight_.out_features() - first);
      float bias[kPanelRows] = {};
      if (bias_)
        std::copy_n(bias_ + first, count, bias);
      const float *scales = weight_.scales(t.panel + p);
      for (int64_t r = 0; r < t.rows; ++r) {
        const int64_t row = t.row + r;
        const bool again = row >= outputs_;
        float *y = y_ + (again ? row - outputs_ : row) * weight_.out_features() + first;
        if (!again)
          write(t.sums(near, p, r), x_.scale(row), scales, bias, y, count);
        else
          add(t.sums(near, p, r), x_.scale(row), scales, y, count);
      }
    }
  }

  static void write(const int32_t *sums, float scale, const float *scales, const float *bias,
                    float *y, int64_t count) {
    if (count == kPanelRows)
      return scale_panel(sums, scale, scales, bias, y);
    float out[kPanelRows];
    scale_panel(sums, scale, scales, bias, out);
    std::copy_n(out, count, y);
  }

  // A row's second term; the first is there already, since one thread does all rows of a panel.
  static void add(const int32_t *sums, float scale, const float *scales, float *y, int64_t count) {
    float first[kPanelRows] = {}, out[kPanelRows];
    std::copy_n(y, count, first);
    scale_panel(sums, scale, scales, first, out);
    std::copy_n(out, count, y);
  }

  // All of the panel's rows, so that each is computed by the same instructions.
  static void scale_panel(const int32_t *sums, float scale, const float *scales, const float *bias,
                          float *out) {
    for (int64_t i = 0; i < kPanelRows; i += simd::kLanes) {
      const simd::Float8 factors = scale * simd::load(scales + i);
      simd::store(out + i, simd::fused(simd::to_float(sums + i), factors, simd::load(bias + i)));
    }
  }

  const QuantizedRows &x_;
  const QuantizedWeight &weight_;
  const float *bias_;
  float *y_;
  const IntegerKernels &kernels_;
  int64_t outputs_;     // rows of y: x has each row's second term behind all first ones
  bool unpacks_, int8_; // int8_: the kernel of that name is used
};

} // namespace

at::Tensor quantized_product(const at::Tensor &x, const QuantizedWeight &weight,
                             const at::Tensor &bias, const IntegerKernels &kernels) {
  const at::Tensor y = at::empty({x.size(0), weight.out_features()}, at::kFloat);
  const QuantizedRows rows(x, weight.smoothing(), weight.activation_terms());
  const Product product(rows, weight, bias.defined() ? bias.data_ptr<float>() : nullptr,
                        y.data_ptr<float>(), kernels);
  const int64_t grain = outputs_grain(rows.count(), weight.in_features() * kPanelRows);
  parallel_for(0, weight.panels(), grain, [&](int64_t from, int64_t to) { product.run(from, to); });
  return y;
}

double quantized_row_cost(Quantization kind) {
  const IntegerKernels &best = *integer_kernels().front();
  return kind == Quantization::Int8 ? best.int8.row_cost : best.int4.row_cost;
}

} // namespace vlm
