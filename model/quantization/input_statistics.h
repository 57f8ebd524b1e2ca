// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/compute/linear.h"

#include <map>
#include <memory>
#include <string>

namespace vlm {

/// How the columns of a layer's input go together, of rows that no sample is drawn from.
struct InputMoments {
  at::Tensor sums;    ///< as add_block_moments() makes them
  int64_t inputs = 0; ///< that came in
  int64_t rows = 0;   ///< of them that count
};

/// What calibration saw of a linear layer's input.
struct InputStatistics {
  at::Tensor largest; ///< of each column the largest magnitude, float32 [in]
  at::Tensor sample;  ///< some of the rows, evenly spread, float32 [<= 2 * kSampleRows, in]
  std::shared_ptr<InputMoments> moments; ///< may be null
};

/// Collects it, layer by layer. A row's place decides whether it is kept, so that the same calls
/// give the same sample. Layers that read one tensor first, one after the other, are taken to read
/// the same ones always, and have their moments in common.
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
  // Whose values were learnt last. They are not held for that: an input can be the largest tensor
  // there is.
  struct {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage{c10::intrusive_ptr<c10::StorageImpl>()};
    const void *data = nullptr;
    int64_t size = 0;
    std::shared_ptr<InputMoments> moments;
  } last_;
};

} // namespace vlm
