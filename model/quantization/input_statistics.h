// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"

#include <map>
#include <string>

namespace vlm {

/// What calibration saw of a linear layer's input.
struct InputStatistics {
  at::Tensor largest; ///< of each column the largest magnitude, float32 [in]
  at::Tensor sample;  ///< some of the rows, evenly spread, float32 [<= 2 * kSampleRows, in]
  /// block_moments() of the rows that no sample is drawn from, may be undefined; and how many.
  at::Tensor moments;
  int64_t rows = 0;
};

/// Collects it, layer by layer. A row's place decides whether it is kept, so that the same calls
/// give the same sample.
class InputRecorder : public LinearObserver {
public:
  static constexpr int64_t kSampleRows = 256;

  /// Of the layers whose names begin with `prefix`, or, where `inside` is false, of all others.
  explicit InputRecorder(std::string prefix, bool inside)
      : prefix_(std::move(prefix)), inside_(inside) {}
  /// Of all layers, and with moments in blocks of `width` columns; 0: without.
  explicit InputRecorder(int64_t width) : InputRecorder({}, true) { width_ = width; }
  bool wants(const std::string &name) const { return (name.rfind(prefix_, 0) == 0) == inside_; }

  void saw(const std::string &name, const at::Tensor &x) override;
  /// Null for a layer that was never used.
  const InputStatistics *of(const std::string &name) const;

private:
  // Every kShare-th row may come into the sample, on which errors are measured; from the others
  // layers are learnt.
  static constexpr int64_t kShare = 4;
  struct Seen {
    InputStatistics statistics;
    int64_t every = kShare, rows = 0; // rows seen so far, of which each `every`th is kept
  };
  void keep(const at::Tensor &x, Seen &seen) const;
  void learn(const at::Tensor &x, Seen &seen);

  std::string prefix_;
  bool inside_;
  int64_t width_ = 0;
  std::map<std::string, Seen> seen_;
  // What was learnt last: several layers read the same input, one after the other.
  struct {
    at::Tensor x, moments;
    int64_t first = 0, rows = 0;
  } last_;
};

} // namespace vlm
