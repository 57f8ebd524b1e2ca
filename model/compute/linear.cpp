// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/linear.h"

#include "model/compute/autograd_function.h"
#include "model/compute/bf16_product.h"
#include "model/compute/few_rows.h"
#include "model/compute/gemm.h"
#include "model/compute/quantized_product.h"
#include "model/core/machine.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <atomic>
#include <limits>
#include <vector>

namespace vlm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::atomic<bool> trains_in_bf16{false};

// a [m, k] (or [k, m] transposed) times b [k, n] (or [n, k]), both contiguous, as `shape`.
at::Tensor product(const at::Tensor &a, bool a_transposed, const at::Tensor &b, bool b_transposed,
                   at::IntArrayRef shape) {
  const int64_t m = a.size(a_transposed ? 1 : 0), k = a.size(a_transposed ? 0 : 1);
  const int64_t n = b.size(b_transposed ? 0 : 1);
  at::Tensor c = at::empty(shape, a.options());
  gemm(m, n, k, 1, {a.data_ptr<float>(), a.size(1), a_transposed},
       {b.data_ptr<float>(), b.size(1), b_transposed}, 0, c.data_ptr<float>(), n);
  return c;
}

at::Tensor rows_of(const at::Tensor &x) { return x.reshape({-1, x.size(-1)}).contiguous(); }

std::vector<int64_t> with_last(const at::Tensor &x, int64_t size) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = size;
  return shape;
}

// x W^T with its gradients; ATen's own would take another BLAS, slower on the shapes of training.
struct FloatLinear : torch::autograd::Function<FloatLinear> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x,
                            const at::Tensor &weight) {
    context->save_for_backward({x, weight});
    return product(rows_of(x), false, weight.contiguous(), true, with_last(x, weight.size(0)));
  }

  static variable_list backward(AutogradContext *context, const variable_list &grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], weight = saved[1].contiguous(), grad = rows_of(grads[0]);
    at::Tensor dx, dw;
    if (context->needs_input_grad(0))
      dx = product(grad, false, weight, false, x.sizes());
    if (context->needs_input_grad(1))
      dw = product(grad, true, rows_of(x), false, weight.sizes());
    return {dx, dw};
  }
};

std::shared_ptr<const QuantizedWeight> packed(const Scope &scope, int64_t in, int64_t out) {
  const auto rows = [&](int64_t first, int64_t count) {
    return scope.rows("weight", {out, in}, first, count);
  };
  auto weight = std::make_shared<QuantizedWeight>(scope.quantization(), out, in, rows);
  for (const auto &[name, tensor] : weight->tensors())
    scope.keep(name, tensor);
  return weight;
}

at::Tensor bf16_linear(const at::Tensor &x, const at::Tensor &weight) {
  return at::linear(x.to(at::kBFloat16), weight.to(at::kBFloat16)).to(at::kFloat);
}

} // namespace

void set_bf16_products(bool enabled) { trains_in_bf16 = enabled && cpu_has_bf16(); }

bool bf16_products() { return trains_in_bf16; }

Linear::Linear(const Scope &scope, int64_t in, int64_t out, bool bias)
    : bias_(bias ? scope.tensor("bias", {out}) : at::Tensor()) {
  if (LinearObserver *observer = scope.observer()) {
    const std::string name = scope.prefix().substr(0, scope.prefix().size() - 1);
    observe_ = [observer, name](const at::Tensor &x) { observer->saw(name, x); };
  }
  if (scope.contains("qweight"))
    quantized_ = std::make_shared<QuantizedWeight>(scope, out, in);
  else if (scope.quantization() == Quantization::None)
    weight_ = scope.matrix("weight", {out, in});
  else
    quantized_ = packed(scope, in, out);
}

Linear::Linear(at::Tensor weight, at::Tensor bias)
    : weight_(std::move(weight)), bias_(std::move(bias)) {}

int64_t Linear::independent_rows() const {
  return quantized_ ? std::numeric_limits<int64_t>::max() : kFewRows;
}

int64_t Linear::in_features() const {
  return quantized_ ? quantized_->in_features() : weight_.size(1);
}

int64_t Linear::out_features() const {
  return quantized_ ? quantized_->out_features() : weight_.size(0);
}

at::Tensor Linear::operator()(const at::Tensor &x) const {
  if (observe_)
    observe_(rows_of(x));
  if (quantized_)
    return quantized_product(rows_of(x), *quantized_, bias_).view(with_last(x, out_features()));
  if (!x.is_cpu() && weight_.scalar_type() == at::kFloat)
    return at::linear(x, weight_, bias_);
  at::Tensor y = multiply(x);
  return bias_.defined() ? y.add_(bias_) : y;
}

bool Linear::rounds() const {
  return quantized_ || (weight_.scalar_type() == at::kBFloat16 && cpu_has_bf16());
}

at::Tensor Linear::precise(const at::Tensor &x) const {
  if (!x.is_cpu() || quantized_ || !rounds() || x.numel() <= kFewRows * in_features())
    return (*this)(x);
  const at::Tensor rest = x - x.to(at::kBFloat16).to(at::kFloat);
  return (*this)(x).add_(multiply(rest));
}

at::Tensor Linear::rows(const at::Tensor &ids) const {
  if (!quantized_)
    return at::embedding(weight_, ids.to(weight_.device())).to(at::kFloat);
  const at::Tensor list = ids.contiguous();
  std::vector<int64_t> shape = ids.sizes().vec();
  shape.push_back(in_features());
  const at::Tensor out = at::empty(shape, at::kFloat);
  for (int64_t i = 0; i < list.numel(); ++i)
    quantized_->row(list.data_ptr<int64_t>()[i], out.data_ptr<float>() + i * in_features());
  return out;
}

at::Tensor Linear::multiply(const at::Tensor &x) const {
  if (!x.is_cpu() || (bf16_products() && weight_.scalar_type() == at::kFloat))
    return bf16_linear(x, weight_);
  const bool learns = at::GradMode::is_enabled() && (x.requires_grad() || weight_.requires_grad());
  if (!learns && x.numel() <= kFewRows * in_features())
    return few_rows_product(rows_of(x), weight_.contiguous()).view(with_last(x, out_features()));
  if (weight_.scalar_type() == at::kFloat)
    return FloatLinear::apply(x, weight_);
  return bf16_product(rows_of(x), weight_).view(with_last(x, out_features()));
}

} // namespace vlm
