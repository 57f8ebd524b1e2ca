// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/shared_copies.h"
#include "model/engine/worker.h"

#include <string>

namespace vlm {

/// Loaded models: at most one copy per path, device and precision. Any thread may call it; no lock
/// is held during a load.
class Registry {
public:
  using LoaderOf = std::function<std::shared_ptr<const Model>(
      const ModelOptions &, const std::function<void(double)> &progress, const CancelToken &)>;
  /// The same options with the real path, "cuda:0" for "cuda", and a precision other than auto.
  using Resolver = std::function<ModelOptions(const ModelOptions &)>;

  Registry(Resolver resolve, LoaderOf load)
      : resolve_(std::move(resolve)), load_(std::move(load)) {}

  /// See Engine::open.
  std::shared_ptr<Worker> open(const ModelOptions &options,
                               const std::function<void(double)> &progress,
                               const CancelToken &cancel);

private:
  Resolver resolve_;
  LoaderOf load_;
  SharedCopies<ModelWorker> copies_;
};

} // namespace vlm
