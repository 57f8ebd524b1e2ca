// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/axis_taps.h"

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

/// Weights on [first, first + weights.size()) of the inputs.
struct Row {
  int64_t first;
  std::vector<double> weights;
};

Row bilinear_row(int64_t in, int64_t out, int64_t i) {
  const BilinearSource source = bilinear_source(in, out, i);
  if (source.part == 0)
    return {source.low, {1}};
  return {source.low, {1 - double(source.part), double(source.part)}};
}

Row composed_row(int64_t in, int64_t size, int64_t out, int64_t i) {
  const Row outer = bilinear_row(size, out, i);
  Row row = {bilinear_row(in, size, outer.first).first, {}};
  for (size_t j = 0; j < outer.weights.size(); ++j) {
    const Row inner = bilinear_row(in, size, outer.first + int64_t(j));
    const size_t shift = size_t(inner.first - row.first);
    row.weights.resize(std::max(row.weights.size(), shift + inner.weights.size()));
    for (size_t k = 0; k < inner.weights.size(); ++k)
      row.weights[shift + k] += outer.weights[j] * inner.weights[k];
  }
  return row;
}

} // namespace

/// In float32 with one rounding, as the reference has it: at 768 to 336 the place of a sample is
/// otherwise off by enough to show in the result.
BilinearSource bilinear_source(int64_t in, int64_t out, int64_t i) {
  const float scale = float(in) / float(out);
  const float place = std::max(std::fma(scale, float(i) + 0.5f, -0.5f), 0.f);
  const int64_t low = std::min(int64_t(place), in - 1);
  return {low, low + 1 < in ? place - float(low) : 0.f};
}

AxisTaps bilinear_taps(int64_t in, int64_t size, int64_t out) {
  std::vector<Row> rows;
  AxisTaps taps;
  for (int64_t i = 0; i < out; ++i) {
    rows.push_back(composed_row(in, size, out, i));
    taps.width = std::max(taps.width, int64_t(rows.back().weights.size()));
  }
  taps.weights.resize(size_t(out * taps.width));
  for (int64_t i = 0; i < out; ++i) {
    const Row &row = rows[size_t(i)];
    taps.first.push_back(
        std::min(row.first, in - taps.width)); // the last rows may lie further right
    for (size_t k = 0; k < row.weights.size(); ++k)
      taps.weights[size_t(i * taps.width + row.first - taps.first.back()) + k] =
          float(row.weights[k]);
  }
  return taps;
}

} // namespace vlm
