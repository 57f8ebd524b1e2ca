// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/worker.h"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace vlm {

/// Loaded models: at most one copy per path, device and precision. Holds no model alive: the last
/// user's pointer does. Any thread may call it; the lock is never held during a load.
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
  /// The worker is gone once nobody uses it; its thread may hold the model for a while longer.
  struct Slot {
    std::weak_ptr<ModelWorker> worker;
    std::shared_future<void> ended;
  };
  std::shared_ptr<ModelWorker> find(const ModelOptions &resolved, bool any_precision) const;
  std::shared_ptr<ModelWorker> find_or_start(const ModelOptions &resolved, bool any_precision,
                                             const std::function<void(double)> &progress);

  Resolver resolve_;
  LoaderOf load_;
  std::mutex mutex_;
  std::map<std::string, std::map<std::string, Slot>> slots_; ///< by path and device, by precision
};

} // namespace vlm
