// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/quantized_rows.h"

#include "model/compute/quantize.h"
#include "model/compute/threads.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace vlm {
namespace {

// Between rows, so that those of a tile do not compete for the same lines of a cache.
constexpr int64_t kGap = 64;

int64_t padded(int64_t columns) { return (columns + kBlock - 1) / kBlock * kBlock; }

} // namespace

QuantizedRows::QuantizedRows(const at::Tensor &x, const at::Tensor &smoothing, int64_t terms)
    : values_(at::empty({x.size(0) * terms, padded(x.size(1)) + kGap}, at::kChar)),
      scales_(at::empty({x.size(0) * terms}, at::kFloat)),
      sums_(at::empty({x.size(0) * terms, padded(x.size(1)) / kGroup}, at::kShort)),
      totals_(at::empty({x.size(0) * terms}, at::kInt)), value_(values_.data_ptr<int8_t>()),
      scale_(scales_.data_ptr<float>()), sum_(sums_.data_ptr<int16_t>()),
      total_(totals_.data_ptr<int32_t>()), stride_(values_.size(1)), groups_(sums_.size(1)) {
  const int64_t rows = x.size(0), columns = x.size(1);
  const float *from = x.data_ptr<float>();
  const float *factors = smoothing.defined() ? smoothing.data_ptr<float>() : nullptr;
  parallel_for(0, rows, grain_of(kWorthElements, columns), [&](int64_t begin, int64_t end) {
    std::vector<float> own(factors || terms > 1 ? static_cast<size_t>(columns) : 0);
    for (int64_t row = begin; row < end; ++row) {
      const float *values = from + row * columns;
      if (factors)
        std::transform(values, values + columns, factors, own.begin(), std::multiplies<>());
      else if (terms > 1)
        std::copy_n(values, columns, own.begin());
      quantize(own.empty() ? values : own.data(), columns, row);
      if (terms > 1) {
        take_away(row, own.data(), columns);
        quantize(own.data(), columns, rows + row);
      }
    }
  });
}

void QuantizedRows::take_away(int64_t row, float *x, int64_t columns) const {
  const int8_t *rounded = value_ + row * stride_;
  for (int64_t i = 0; i < columns; ++i)
    x[i] = std::fma(-scale_[row], static_cast<float>(rounded[i]), x[i]);
}

void QuantizedRows::quantize(const float *x, int64_t columns, int64_t row) const {
  int8_t *to = value_ + row * stride_;
  scale_[row] = quantize_row(x, columns, to);
  std::fill(to + columns, to + padded(columns), int8_t{0});
  int16_t *sums = sum_ + row * groups_;
  int32_t total = 0;
  for (int64_t group = 0; group < groups_; ++group) {
    int32_t sum = 0;
    for (int64_t i = 0; i < kGroup; ++i)
      sum += to[group * kGroup + i];
    sums[group] = static_cast<int16_t>(sum);
    total += sum;
  }
  total_[row] = total;
}

IntegerRows QuantizedRows::at(int64_t row, int64_t block) const {
  return {value_ + row * stride_ + block * kBlock, stride_,
          sum_ + row * groups_ + block * (kBlock / kGroup), groups_};
}

} // namespace vlm
