// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/state_dict.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

namespace vlm {

class QuantizedWeight;

/// Sees what goes into linear layers, for calibration.
class LinearObserver {
public:
  virtual ~LinearObserver() = default;
  /// `name`: of the layer, without ".weight"; x [M, in], only to be read.
  virtual void saw(const std::string &name, const at::Tensor &x) = 0;
};

/// y = x W^T + b. Activations are float32 everywhere in this library, whatever the weights are:
/// - float32 weights: a float32 product; differentiable, so the trainer runs the same code;
/// - bfloat16 weights: products of bfloat16 pairs summed in float32 where the machine has them,
///   otherwise the exact product with the float32 values of the weights. Not differentiable;
/// - up to kFewRows rows, as in decoding, without gradients: the exact product with either, each
///   row as if it were alone;
/// - int8 or int4 weights: quantized_product(), each row as if it were alone whatever their number.
///   Not differentiable, on the CPU only.
class Linear {
public:
  Linear() = default;
  /// Reads `weight` [out, in] and, when `bias` is set, `bias` [out]; `weight` as the scope says:
  /// quantised, or in its type of matrices. Where the scope holds `qweight` instead, as it was
  /// packed earlier (quantized_weight.h), in the checkpoint of `vlm-quantize`.
  Linear(const Scope &scope, int64_t in, int64_t out, bool bias);
  Linear(at::Tensor weight, at::Tensor bias);

  /// x float32 [..., in] -> float32 [..., out].
  at::Tensor operator()(const at::Tensor &x) const;

  /// The same with twice the digits of x where bfloat16 products would round it to eight: a second
  /// product takes what the rounding left.
  at::Tensor precise(const at::Tensor &x) const;

  /// Rows of W as embeddings: ids int64 [...] below out_features() -> float32 [..., in].
  at::Tensor rows(const at::Tensor &ids) const;

  /// Whether products of many rows round x, on this machine and with these weights.
  bool rounds() const;

  /// Without gradients, on the CPU: up to how many rows each is computed as if it were alone.
  int64_t independent_rows() const;

  int64_t in_features() const;
  int64_t out_features() const;
  const at::Tensor &weight() const { return weight_; } ///< undefined when quantised
  const at::Tensor &bias() const { return bias_; }

private:
  at::Tensor multiply(const at::Tensor &x) const;
  at::Tensor weight_;
  std::shared_ptr<const QuantizedWeight> quantized_; // in place of weight_
  at::Tensor bias_;                                  // undefined without a bias
  std::function<void(const at::Tensor &)> observe_;  // usually empty
};

/// For training: lets products with float32 weights round both sides to bfloat16, on machines that
/// multiply bfloat16 natively (elsewhere this does nothing). Process-wide; off by default.
void set_bf16_products(bool enabled);
bool bf16_products();

} // namespace vlm
