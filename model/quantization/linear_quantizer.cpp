// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/linear_quantizer.h"

#include "model/compute/error_feedback.h"
#include "model/compute/quantized_product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace vlm {
namespace {

constexpr int64_t kSearchRows = 512, kSearchBlock = 16;
constexpr double kExponents[] = {0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

struct Form {
  Quantization kind;
  int64_t activation_terms;
  double most_error; // before a finer one is taken
};

// From coarse to fine.
std::vector<Form> forms(Quantization kind) {
  std::vector<Form> out = {{Quantization::Int8, 1, 0.02}, {Quantization::Int8, 2, 0.03}};
  if (kind == Quantization::Int4)
    out.insert(out.begin(), {Quantization::Int4, 1, 0.15});
  return out;
}

struct Choice {
  double exponent = 0, error = 0;
  at::Tensor smoothing;
  std::shared_ptr<const ErrorFeedback> feedback;

  Calibration calibration(const Form &form) const {
    return {smoothing, form.activation_terms, feedback.get()};
  }
};

// Looks for the best smoothing on a part of the outputs. Errors are those of the sample, from which
// nothing else is learnt.
class Search {
public:
  explicit Search(const LinearTask &task)
      : seen_(*task.seen), inputs_(seen_.sample.contiguous()), weight_(some_rows(task)),
        wanted_(Linear(weight_, {})(inputs_)),
        sizes_((wanted_ * wanted_).sum(-1).clamp_min(kTiny * kTiny)),
        largest_weights_(largest(weight_)), largest_inputs_(bounded(seen_.largest)) {}

  Choice best(const Form &form) const {
    Choice out;
    for (const double exponent : kExponents) {
      const at::Tensor smoothing = exponent > 0 ? factors(exponent) : at::Tensor();
      const double error = error_with(form, {exponent, 0, smoothing, nullptr});
      if (exponent == 0 || error < out.error)
        out = {exponent, error, smoothing, nullptr};
    }
    return form.kind == Quantization::Int4 ? with_feedback(form, out) : out;
  }

private:
  // Where it helps.
  Choice with_feedback(const Form &form, const Choice &without) const {
    const int64_t width = seen_.moments ? feedback_width(seen_.moments->rows) : 0;
    if (width == 0)
      return without;
    Choice out = without;
    const at::Tensor &sums = seen_.moments->sums;
    out.feedback =
        std::make_shared<const ErrorFeedback>(sums, std::min(width, sums.size(1)), out.smoothing);
    out.error = error_with(form, out);
    return out.error < without.error ? out : without;
  }

  static constexpr float kTiny = 1e-5f; // smaller ones would give factors without bounds

  static at::Tensor some_rows(const LinearTask &task) {
    if (task.out <= kSearchRows)
      return task.rows(0, task.out);
    std::vector<at::Tensor> blocks;
    constexpr int64_t kBlocks = kSearchRows / kSearchBlock;
    for (int64_t i = 0; i < kBlocks; ++i)
      blocks.push_back(task.rows((task.out - kSearchBlock) * i / (kBlocks - 1), kSearchBlock));
    return at::cat(blocks);
  }

  static at::Tensor largest(const at::Tensor &rows) {
    return at::amax(at::abs(rows), 0).clamp_min(kTiny);
  }

  // A column that calibration found quiet may be loud elsewhere: it is not made much louder than
  // the others.
  static at::Tensor bounded(const at::Tensor &inputs) {
    constexpr float kQuiet = 0.05f;
    return inputs.clamp_min(std::max(kTiny, kQuiet * inputs.mean().item<float>()));
  }

  at::Tensor factors(double exponent) const {
    const at::Tensor f = largest_weights_.pow(1 - exponent) / largest_inputs_.pow(exponent);
    return (f / (f.max() * f.min()).sqrt()).contiguous(); // around one
  }

  double error_with(const Form &form, const Choice &choice) const {
    const QuantizedWeight packed(
        form.kind, weight_.size(0), weight_.size(1),
        [&](int64_t first, int64_t count) { return weight_.narrow(0, first, count); },
        choice.calibration(form));
    const at::Tensor off = quantized_product(inputs_, packed, {}) - wanted_;
    // Row by row, or the few rows of enormous activations would be all that counts.
    return ((off * off).sum(-1) / sizes_).mean().sqrt().item<double>();
  }

  const InputStatistics &seen_;
  at::Tensor inputs_, weight_, wanted_, sizes_, largest_weights_, largest_inputs_;
};

std::string name_of(const Form &form) {
  const std::string kind = form.kind == Quantization::Int8 ? "int8" : "int4";
  return form.activation_terms > 1 ? kind + ", activations twice" : kind;
}

PackedLinear packed_as(const LinearTask &task, const Form &form, const Choice &choice) {
  const QuantizedWeight packed(form.kind, task.out, task.in, task.rows, choice.calibration(form));
  return {{task.name, name_of(form), choice.exponent, choice.error}, packed.tensors()};
}

} // namespace

int64_t feedback_width(int64_t rows) {
  constexpr int64_t kRowsPerColumn = 5, kLeast = 256, kMost = 2048;
  int64_t width = kMost;
  while (width > kLeast && width * kRowsPerColumn > rows)
    width /= 2;
  return rows < kLeast ? 0 : width;
}

PackedLinear pack_linear(const LinearTask &task, Quantization kind) {
  const std::vector<Form> possible = forms(kind);
  if (!task.seen)
    return packed_as(task, possible.front(), {0, -1, {}, nullptr});
  const Search search(task);
  for (const Form &form : possible) {
    const Choice choice = search.best(form);
    if (choice.error <= form.most_error)
      return packed_as(task, form, choice);
  }
  return {{task.name, "bfloat16", 0, 0}, {{"weight", task.rows(0, task.out).to(at::kBFloat16)}}};
}

} // namespace vlm
