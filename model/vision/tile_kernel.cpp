// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/tile_kernel.h"

#include "model/vision/lanes.h"

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

/// Part of a stage's axis that the HR positions [begin, begin + count) are made of.
struct Span {
  int64_t first, count;
};

Span span(const AxisTaps &taps, int64_t begin, int64_t count) {
  const int64_t first = taps.first[size_t(begin)];
  return {first, taps.first[size_t(begin + count - 1)] + taps.width - first};
}

/// out[c] = sum of weights[t] * in[t * stride + c] over t < taps.
void combine(const float *__restrict in, int64_t stride, const float *weights, int64_t taps,
             int64_t n, float *__restrict out) {
  if (taps == 2) {
    const float *__restrict next = in + stride;
    const float w0 = weights[0], w1 = weights[1];
    for (int64_t c = 0; c < n; ++c)
      out[c] = w0 * in[c] + w1 * next[c];
    return;
  }
  for (int64_t c = 0; c < n; ++c)
    out[c] = weights[0] * in[c];
  for (int64_t t = 1; t < taps; ++t)
    for (int64_t c = 0; c < n; ++c)
      out[c] += weights[t] * in[t * stride + c];
}

/// The transpose: out[t * stride + c] += weights[t] * in[c].
void spread(const float *__restrict in, int64_t stride, const float *weights, int64_t taps,
            int64_t n, float *__restrict out) {
  for (int64_t t = 0; t < taps; ++t)
    if (weights[t] != 0)
      for (int64_t c = 0; c < n; ++c)
        out[t * stride + c] += weights[t] * in[c];
}

float sum(const float *a, int64_t n) {
  return sum_of(n, [&](const auto &at) { return at(a); });
}

} // namespace

Tile::Tile(const TileGrid &grid)
    : grid_(grid), values_(size_t(grid.tile * grid.tile * grid.depth)),
      vectors_(size_t(grid.tile * grid.tile)) {}

void Tile::load(int64_t picture, int64_t token) {
  int64_t offset = 0;
  for (const TileStage &stage : grid_.stages) {
    load(stage, picture, token, offset);
    offset += stage.channels;
  }
}

/// Rows first, each over all the columns that the tile touches, then columns.
void Tile::load(const TileStage &stage, int64_t picture, int64_t token, int64_t offset) {
  const int64_t n = stage.channels, pitch = stage.width * n;
  const int64_t top = token / grid_.side * grid_.tile, left = token % grid_.side * grid_.tile;
  const Span columns = span(stage.columns, left, grid_.tile);
  line_.resize(size_t(columns.count * n));
  for (int64_t y = 0; y < grid_.tile; ++y) {
    const int64_t row = picture * stage.height + stage.rows.first[size_t(top + y)];
    combine(stage.values + row * pitch + columns.first * n, pitch, stage.rows.weights_of(top + y),
            stage.rows.width, columns.count * n, line_.data());
    for (int64_t x = 0; x < grid_.tile; ++x)
      combine(&line_[size_t((stage.columns.first[size_t(left + x)] - columns.first) * n)], n,
              stage.columns.weights_of(left + x), stage.columns.width, n,
              &values_[size_t((y * grid_.tile + x) * grid_.depth + offset)]);
  }
}

void Tile::score(const float *query) {
  const int64_t n = grid_.depth;
  float largest = -INFINITY, total = 0;
  for (size_t j = 0; j < vectors_.size(); ++j) {
    const float *y = &values_[j * size_t(n)];
    Vector &v = vectors_[j];
    v.mean = sum(y, n) / float(n);
    const float squares = sum_of(n, [&](const auto &at) {
      const auto centred = at(y) - v.mean;
      return centred * centred;
    });
    v.scale = 1 / std::sqrt(squares / float(n) + grid_.eps);
    v.score = v.scale * sum_of(n, [&](const auto &at) { return at(query) * (at(y) - v.mean); });
    largest = std::max(largest, v.score);
  }
  for (Vector &v : vectors_)
    total += v.weight = std::exp(v.score - largest);
  for (Vector &v : vectors_)
    v.weight /= total;
}

void Tile::forward(int64_t picture, int64_t token, const float *query, float *out) {
  load(picture, token);
  score(query);
  const int64_t n = grid_.depth;
  float shift = 0;
  std::fill_n(out, n, 0.f);
  for (size_t j = 0; j < vectors_.size(); ++j) {
    const Vector v = vectors_[j];
    const float factor = v.weight * v.scale;
    shift += factor * v.mean;
    spread(&values_[j * size_t(n)], 0, &factor, 1, n, out);
  }
  for (int64_t c = 0; c < n; ++c)
    out[c] -= shift;
}

void Tile::backward(int64_t picture, int64_t token, const float *query, const float *gradient,
                    float *query_gradient) {
  load(picture, token);
  score(query);
  gradients(query, gradient, query_gradient);
  int64_t offset = 0;
  for (const TileStage &stage : grid_.stages) {
    if (stage.gradients)
      store(stage, picture, token, offset);
    offset += stage.channels;
  }
}

/// With g = gradient of the average, weights a, scores s: dn = a g + ds query, where
/// ds = a (g . n - sum of a (g . n)); then through the normalisation
/// dy = scale (dn - mean(dn) - n mean(dn . n)). Replaces each vector y by dy.
void Tile::gradients(const float *__restrict query, const float *__restrict gradient,
                     float *__restrict query_gradient) {
  const int64_t n = grid_.depth;
  std::vector<float> products(vectors_.size()); // g . n
  float expected = 0;
  for (size_t j = 0; j < vectors_.size(); ++j) {
    const float *y = &values_[j * size_t(n)];
    const Vector v = vectors_[j];
    products[j] =
        v.scale * sum_of(n, [&](const auto &at) { return at(gradient) * (at(y) - v.mean); });
    expected += v.weight * products[j];
  }
  const float gradient_mean = sum(gradient, n) / float(n), query_mean = sum(query, n) / float(n);
  std::fill_n(query_gradient, n, 0.f);
  for (size_t j = 0; j < vectors_.size(); ++j) {
    float *__restrict y = &values_[j * size_t(n)];
    const Vector v = vectors_[j];
    const float ds = v.weight * (products[j] - expected);
    const float mean = v.weight * gradient_mean + ds * query_mean;
    const float along = (v.weight * products[j] + ds * v.score) / float(n);
    for (int64_t c = 0; c < n; ++c) {
      const float normal = (y[c] - v.mean) * v.scale;
      query_gradient[c] += ds * normal;
      y[c] = v.scale * (v.weight * gradient[c] + ds * query[c] - mean - normal * along);
    }
  }
}

void Tile::store(const TileStage &stage, int64_t picture, int64_t token, int64_t offset) {
  const int64_t n = stage.channels, pitch = stage.width * n;
  const int64_t top = token / grid_.side * grid_.tile, left = token % grid_.side * grid_.tile;
  const Span columns = span(stage.columns, left, grid_.tile);
  for (int64_t y = 0; y < grid_.tile; ++y) {
    line_.assign(size_t(columns.count * n), 0.f);
    for (int64_t x = 0; x < grid_.tile; ++x)
      spread(&values_[size_t((y * grid_.tile + x) * grid_.depth + offset)], n,
             stage.columns.weights_of(left + x), stage.columns.width, n,
             &line_[size_t((stage.columns.first[size_t(left + x)] - columns.first) * n)]);
    const int64_t row = picture * stage.height + stage.rows.first[size_t(top + y)];
    spread(line_.data(), pitch, stage.rows.weights_of(top + y), stage.rows.width, columns.count * n,
           stage.gradients + row * pitch + columns.first * n);
  }
}

} // namespace vlm
