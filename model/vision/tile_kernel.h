// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/vision/axis_taps.h"

#include <cstdint>
#include <vector>

namespace vlm {

/// One stage of the HR tower as the kernel sees it: [picture][row][column][channel].
struct TileStage {
  const float *values;
  float *gradients; ///< added to in the backward pass; null when not wanted
  int64_t height, width, channels;
  AxisTaps rows, columns; ///< HR map from this stage
};

/// A batch of HR maps, cut into side x side tiles of tile x tile vectors.
struct TileGrid {
  std::vector<TileStage> stages;
  int64_t depth = 0; ///< channels of all stages
  int64_t side = 0;  ///< tiles along a side
  int64_t tile = 0;  ///< vectors along a tile's side
  float eps = 0;
};

/// One thread's work on one tile after the other. Holds the tile's vectors (a few hundred KB, so
/// that they stay in the cache) and what is known of each.
class Tile {
public:
  explicit Tile(const TileGrid &grid);

  /// out [depth] = sum over the tile of softmax(query . n) n, n = normalised vector.
  void forward(int64_t picture, int64_t token, const float *query, float *out);

  /// The same backwards, from the gradient of `out` [depth]: sets query_gradient [depth] and adds
  /// to the stages' gradients. Neighbouring tiles of a picture add to the same places: one thread
  /// per picture.
  void backward(int64_t picture, int64_t token, const float *query, const float *gradient,
                float *query_gradient);

private:
  /// What is known of one vector y: n = (y - mean) * scale.
  struct Vector {
    float mean, scale, score, weight;
  };
  void load(int64_t picture, int64_t token);
  void load(const TileStage &stage, int64_t picture, int64_t token, int64_t offset);
  void score(const float *query);
  void gradients(const float *query, const float *gradient, float *query_gradient);
  void store(const TileStage &stage, int64_t picture, int64_t token, int64_t offset);

  const TileGrid &grid_;
  std::vector<float> values_; // [tile * tile][depth]; gradients after gradients()
  std::vector<float> line_;   // one HR row over the tile's columns of one stage
  std::vector<Vector> vectors_;
};

} // namespace vlm
