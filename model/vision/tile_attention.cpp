// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/vision/tile_attention.h"

#include "model/compute/autograd_function.h"
#include "model/compute/threads.h"
#include "model/core/error.h"
#include "model/vision/tile_kernel.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Geometry alone: no values yet.
TileGrid make_grid(const at::Tensor &query, at::TensorList stages, double eps, int64_t shrink) {
  TileGrid grid;
  grid.side = std::llround(std::sqrt(double(query.size(1))));
  grid.eps = float(eps);
  const int64_t height = stages[0].size(1), width = stages[0].size(2);
  grid.tile = height / shrink / grid.side;
  if (grid.side * grid.side != query.size(1) || grid.tile * grid.side * shrink != height ||
      height != width || grid.tile < 1)
    fail(ErrorCategory::Format, "a high-resolution map of ", width, "x", height, " vectors (",
         shrink, " to one) does not divide into ", query.size(1), " tiles");
  for (const at::Tensor &stage : stages) {
    const int64_t h = stage.size(1), w = stage.size(2), c = stage.size(3);
    grid.stages.push_back({nullptr, nullptr, h, w, c, bilinear_taps(h, height, height / shrink),
                           bilinear_taps(w, width, width / shrink)});
    grid.depth += c;
  }
  if (grid.depth != query.size(2))
    fail(ErrorCategory::Format, "a query of ", query.size(2), " features for a map of ",
         grid.depth);
  return grid;
}

class TileAttention : public torch::autograd::Function<TileAttention> {
public:
  static at::Tensor forward(AutogradContext *context, const at::Tensor &query,
                            at::TensorList stages, double eps, int64_t shrink) {
    const at::Tensor q = query.contiguous();
    TileGrid grid = make_grid(q, stages, eps, shrink);
    variable_list saved = {q};
    for (size_t i = 0; i < stages.size(); ++i) {
      saved.push_back(stages[i].contiguous());
      grid.stages[i].values = saved.back().data_ptr<float>();
    }
    at::Tensor out = at::empty_like(q);
    const int64_t tokens = q.size(1);
    parallel_for(0, q.size(0) * tokens, 1, [&](int64_t begin, int64_t end) {
      Tile tile(grid);
      for (int64_t i = begin; i < end; ++i)
        tile.forward(i / tokens, i % tokens, q.data_ptr<float>() + i * grid.depth,
                     out.data_ptr<float>() + i * grid.depth);
    });
    context->save_for_backward(saved);
    context->saved_data["eps"] = eps;
    context->saved_data["shrink"] = shrink;
    return out;
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &query = saved[0], gradient = gradients[0].contiguous();
    const at::TensorList stages = at::TensorList(saved).slice(1);
    TileGrid grid = make_grid(query, stages, context->saved_data["eps"].toDouble(),
                              context->saved_data["shrink"].toInt());
    variable_list out = {at::empty_like(query)};
    for (size_t i = 0; i < stages.size(); ++i) {
      grid.stages[i].values = stages[i].data_ptr<float>();
      out.push_back(stages[i].requires_grad() ? at::zeros_like(stages[i]) : at::Tensor());
      if (out.back().defined())
        grid.stages[i].gradients = out.back().data_ptr<float>();
    }
    const int64_t tokens = query.size(1);
    parallel_for(0, query.size(0), 1, [&](int64_t begin, int64_t end) {
      Tile tile(grid);
      for (int64_t i = begin * tokens; i < end * tokens; ++i)
        tile.backward(i / tokens, i % tokens, query.data_ptr<float>() + i * grid.depth,
                      gradient.data_ptr<float>() + i * grid.depth,
                      out[0].data_ptr<float>() + i * grid.depth);
    });
    out.resize(out.size() + 2); // eps and shrink have no gradient
    return out;
  }
};

/// Rows [begin, begin + count) of an axis' map as a matrix over the whole axis.
at::Tensor matrix(const AxisTaps &taps, int64_t size, int64_t begin, int64_t count,
                  const at::TensorOptions &options) {
  at::Tensor out = at::zeros({count, size}, at::kFloat);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t t = 0; t < taps.width; ++t)
      out.data_ptr<float>()[i * size + taps.first[size_t(begin + i)] + t] =
          taps.weights_of(begin + i)[t];
  return out.to(options.device(), options.dtype().toScalarType());
}

/// One row of tiles: [B, side, tile * tile, depth].
at::Tensor row_of_tiles(const TileGrid &grid, at::TensorList stages, int64_t row) {
  variable_list maps;
  const int64_t batch = stages[0].size(0), tile = grid.tile, width = grid.side * tile;
  for (size_t i = 0; i < stages.size(); ++i) {
    const TileStage &stage = grid.stages[i];
    const auto options = stages[i].options();
    const at::Tensor rows = matrix(stage.rows, stage.height, row * tile, tile, options);
    const at::Tensor columns = matrix(stage.columns, stage.width, 0, width, options);
    const at::Tensor lines =
        at::matmul(rows, stages[i].reshape({batch, stage.height, stage.width * stage.channels}));
    maps.push_back(at::matmul(columns, lines.reshape({batch, tile, stage.width, stage.channels})));
  }
  return at::cat(maps, 3)
      .reshape({batch, tile, grid.side, tile, grid.depth})
      .permute({0, 2, 1, 3, 4})
      .reshape({batch, grid.side, tile * tile, grid.depth});
}

} // namespace

at::Tensor tile_attention_by_rows(const at::Tensor &query, const std::vector<at::Tensor> &stages,
                                  double eps, int64_t shrink) {
  const TileGrid grid = make_grid(query, stages, eps, shrink);
  variable_list rows;
  for (int64_t r = 0; r < grid.side; ++r) {
    const at::Tensor normal =
        at::layer_norm(row_of_tiles(grid, stages, r), {grid.depth}, {}, {}, eps);
    const at::Tensor q = query.narrow(1, r * grid.side, grid.side).unsqueeze(3);
    const at::Tensor weights = at::softmax(at::matmul(normal, q), 2);
    rows.push_back(at::matmul(weights.transpose(2, 3), normal).squeeze(2));
  }
  return at::cat(rows, 1);
}

at::Tensor tile_attention(const at::Tensor &query, const std::vector<at::Tensor> &stages,
                          double eps, int64_t shrink) {
  if (query.is_cpu() && query.scalar_type() == at::kFloat)
    return TileAttention::apply(query, at::TensorList(stages), eps, shrink);
  return tile_attention_by_rows(query, stages, eps, shrink);
}

} // namespace vlm
