// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/input_statistics.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/maximum.h>

namespace vlm {

void InputRecorder::saw(const std::string &name, const at::Tensor &x) {
  if (x.size(0) == 0 || !wants(name))
    return;
  Seen &seen = seen_[name];
  const at::Tensor largest = at::amax(at::abs(x), 0);
  at::Tensor &all = seen.statistics.largest, &sample = seen.statistics.sample;
  all = all.defined() ? at::maximum(all, largest) : largest;
  const int64_t first = (seen.every - seen.rows % seen.every) % seen.every;
  seen.rows += x.size(0);
  if (first >= x.size(0))
    return;
  const at::Tensor more = x.slice(0, first, x.size(0), seen.every);
  sample = sample.defined() ? at::cat({sample, more}) : more.clone();
  while (sample.size(0) > 2 * kSampleRows) {
    sample = sample.slice(0, 0, sample.size(0), 2).clone();
    seen.every *= 2;
  }
}

const InputStatistics *InputRecorder::of(const std::string &name) const {
  const auto found = seen_.find(name);
  return found == seen_.end() ? nullptr : &found->second.statistics;
}

} // namespace vlm
