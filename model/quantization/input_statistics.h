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
};

/// Collects it, layer by layer. A row's place decides whether it is kept, so that the same calls
/// give the same sample.
class InputRecorder : public LinearObserver {
public:
  static constexpr int64_t kSampleRows = 768;

  /// Of the layers whose names begin with `prefix`, or, where `inside` is false, of all others.
  explicit InputRecorder(std::string prefix = {}, bool inside = true)
      : prefix_(std::move(prefix)), inside_(inside) {}
  bool wants(const std::string &name) const { return (name.rfind(prefix_, 0) == 0) == inside_; }

  void saw(const std::string &name, const at::Tensor &x) override;
  /// Null for a layer that was never used.
  const InputStatistics *of(const std::string &name) const;

private:
  struct Seen {
    InputStatistics statistics;
    int64_t every = 1, rows = 0; // rows seen so far, of which each `every`th is kept
  };
  std::string prefix_;
  bool inside_;
  std::map<std::string, Seen> seen_;
};

} // namespace vlm
