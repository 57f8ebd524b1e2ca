// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/weights/state_dict.h"

#include <algorithm>
#include <functional>

namespace vlm {

/// How far a load from one or several dictionaries is.
struct LoadProgress {
  double total;                          ///< tensors in all
  std::function<void(double)> tell = {}; ///< gets 0..1; may be empty
  CancelToken cancel = {};
  double loaded = 0;
};

/// Passes a dictionary's tensors on, tells how much was read and stops when asked to. Both
/// arguments must outlive it.
class WatchedStateDict : public StateDict {
public:
  WatchedStateDict(const StateDict &inner, LoadProgress &progress)
      : inner_(inner), progress_(progress) {}

  bool contains(const std::string &name) const override { return inner_.contains(name); }
  std::vector<std::string> names() const override { return inner_.names(); }
  std::vector<int64_t> shape(const std::string &name) const override { return inner_.shape(name); }
  std::string origin(const std::string &name) const override { return inner_.origin(name); }
  /// Error(Cancelled) once that is wanted.
  at::Tensor load(const std::string &name, at::ScalarType dtype) const override {
    progress_.cancel.check();
    at::Tensor tensor = inner_.load(name, dtype);
    advance(1);
    return tensor;
  }
  at::Tensor load_rows(const std::string &name, at::ScalarType dtype, int64_t first,
                       int64_t count) const override {
    progress_.cancel.check();
    at::Tensor rows = inner_.load_rows(name, dtype, first, count);
    advance(static_cast<double>(count) / static_cast<double>(shape(name)[0]));
    return rows;
  }

private:
  void advance(double tensors) const {
    progress_.loaded += tensors;
    if (progress_.tell)
      progress_.tell(std::min(1.0, progress_.loaded / std::max(progress_.total, 1.0)));
  }

  const StateDict &inner_;
  LoadProgress &progress_;
};

} // namespace vlm
