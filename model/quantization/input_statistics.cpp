// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/input_statistics.h"

#include "model/compute/error_feedback.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>

#include <vector>

namespace vlm {
namespace {

// Of rows that follow `before` others, the first whose number is a multiple of `every`.
int64_t first_kept(int64_t before, int64_t every) { return (every - before % every) % every; }

// All rows but each `every`th from `first` on.
at::Tensor others(const at::Tensor &x, int64_t first, int64_t every) {
  std::vector<at::Tensor> out;
  for (int64_t i = 0; i < every; ++i)
    if (i != first)
      out.push_back(x.slice(0, std::min(i, x.size(0)), x.size(0), every));
  return at::cat(out);
}

} // namespace

void InputRecorder::saw(const std::string &name, const at::Tensor &x) {
  if (x.size(0) == 0 || !wants(name))
    return;
  Seen &seen = seen_[name];
  const at::Tensor largest = at::amax(at::abs(x), 0);
  at::Tensor &all = seen.statistics.largest;
  all = all.defined() ? at::maximum(all, largest) : largest;
  keep(x, seen);
  if (width_ > 0)
    learn(x, seen);
  seen.rows += x.size(0);
}

void InputRecorder::keep(const at::Tensor &x, Seen &seen) const {
  at::Tensor &sample = seen.statistics.sample;
  const int64_t first = first_kept(seen.rows, seen.every);
  if (first >= x.size(0))
    return;
  const at::Tensor more = x.slice(0, first, x.size(0), seen.every);
  sample = sample.defined() ? at::cat({sample, more}) : more.clone();
  while (sample.size(0) > 2 * kSampleRows) {
    sample = sample.slice(0, 0, sample.size(0), 2).clone();
    seen.every *= 2;
  }
}

void InputRecorder::learn(const at::Tensor &x, Seen &seen) {
  std::shared_ptr<InputMoments> &moments = seen.statistics.moments;
  const bool again = last_.storage._unsafe_get_target() == x.storage().unsafeGetStorageImpl() &&
                     last_.data == x.data_ptr() && last_.size == x.numel();
  if (again && (moments ? moments == last_.moments : last_.moments->inputs == 1)) {
    moments = last_.moments;
    return;
  }
  if (!moments)
    moments = std::make_shared<InputMoments>(
        InputMoments{at::zeros({x.size(1), width_}, at::kFloat), 0, 0});
  const at::Tensor rows = others(x, first_kept(seen.rows, kShare), kShare);
  add_block_moments(rows, moments->sums);
  moments->inputs += 1;
  moments->rows += rows.size(0);
  last_ = {x.storage().getWeakStorageImpl(), x.data_ptr(), x.numel(), moments};
}

const InputStatistics *InputRecorder::of(const std::string &name) const {
  const auto found = seen_.find(name);
  return found == seen_.end() ? nullptr : &found->second.statistics;
}

} // namespace vlm
