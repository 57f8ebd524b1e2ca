// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/painter_worker.h"
#include "model/engine/shared_copies.h"

namespace vlm {

/// Loaded painters: at most one copy per path, device and precision. Any thread may call it; no
/// lock is held during a load.
class PainterRegistry {
public:
  using LoaderOf = std::function<std::unique_ptr<Painter>(
      const PainterOptions &, const std::function<void(double)> &progress, const CancelToken &)>;
  /// The same options with the real path and a precision other than auto.
  using Resolver = std::function<PainterOptions(const PainterOptions &)>;

  PainterRegistry(Resolver resolve, LoaderOf load)
      : resolve_(std::move(resolve)), load_(std::move(load)) {}

  /// See Engine::open_painter.
  std::shared_ptr<PaintWorker> open(const PainterOptions &options,
                                    const std::function<void(double)> &progress,
                                    const CancelToken &cancel);

private:
  Resolver resolve_;
  LoaderOf load_;
  SharedCopies<PainterWorker> copies_;
};

} // namespace vlm
