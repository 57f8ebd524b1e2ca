// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"

#include <functional>

namespace vlm {

/// What long work does between its layers: it ends when it is not wanted any more, and gives others
/// a turn.
class Pace {
public:
  Pace() = default;
  Pace(CancelToken cancel, std::function<void()> turn = {}) // NOLINT: a token alone is a pace
      : cancel_(std::move(cancel)), turn_(std::move(turn)) {}

  /// Throws Error(Cancelled), or what the others' turn throws.
  void check() const {
    cancel_.check();
    if (turn_)
      turn_();
  }

private:
  CancelToken cancel_;
  std::function<void()> turn_;
};

} // namespace vlm
