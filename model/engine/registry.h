// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/worker.h"

#include <map>
#include <mutex>

namespace vlm {

/// Loaded models by their options, so that equal options share one worker. Holds no model alive:
/// the last user's pointer does. Any thread may call it; the lock is never held during a load.
class Registry {
public:
  using LoaderOf = std::function<std::shared_ptr<const Model>(
      const ModelOptions &, const std::function<void(double)> &progress, const CancelToken &)>;

  explicit Registry(LoaderOf load) : load_(std::move(load)) {}

  /// See Engine::open.
  std::shared_ptr<Worker> open(const ModelOptions &options,
                               const std::function<void(double)> &progress,
                               const CancelToken &cancel);

private:
  std::shared_ptr<ModelWorker> find_or_start(const ModelOptions &options,
                                             const std::function<void(double)> &progress);

  LoaderOf load_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<ModelWorker>> workers_;
};

} // namespace vlm
