// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/weights/state_dict.h"

#include <ATen/core/Tensor.h>

#include <memory>

namespace vlm {

class QuantizedWeight;

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
  /// quantised, or in its type of matrices.
  Linear(const Scope &scope, int64_t in, int64_t out, bool bias);
  Linear(at::Tensor weight, at::Tensor bias);

  /// x float32 [..., in] -> float32 [..., out].
  at::Tensor operator()(const at::Tensor &x) const;

  int64_t in_features() const;
  int64_t out_features() const;
  const at::Tensor &weight() const { return weight_; } ///< undefined when quantised
  const at::Tensor &bias() const { return bias_; }

private:
  at::Tensor multiply(const at::Tensor &x) const;
  at::Tensor weight_;
  std::shared_ptr<const QuantizedWeight> quantized_; // in place of weight_
  at::Tensor bias_;                                  // undefined without a bias
};

/// For training: lets products with float32 weights round both sides to bfloat16, on machines that
/// multiply bfloat16 natively (elsewhere this does nothing). Process-wide; off by default.
void set_bf16_products(bool enabled);

} // namespace vlm
