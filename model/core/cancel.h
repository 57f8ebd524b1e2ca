// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/error.h"

#include <atomic>
#include <memory>

namespace vlm {

/// A wish to stop, shared by copies. Any thread may cancel; work checks between layers and tokens.
class CancelToken {
public:
  void cancel() const noexcept { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return flag_->load(std::memory_order_relaxed); }
  /// Throws Error(Cancelled) once cancel() was called on any copy.
  void check() const {
    if (cancelled())
      fail(ErrorCategory::Cancelled, "cancelled");
  }

private:
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace vlm
