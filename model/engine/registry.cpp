// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/registry.h"

#include <filesystem>

namespace vlm {
namespace {

std::string key(const ModelOptions &options) {
  std::error_code ignored;
  const std::string path = std::filesystem::weakly_canonical(options.path, ignored).string();
  return path + '\n' + options.device + '\n' + options.precision + '\n' +
         std::to_string(options.threads);
}

} // namespace

std::shared_ptr<ModelWorker> Registry::find_or_start(const ModelOptions &options,
                                                     const std::function<void(double)> &progress) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::weak_ptr<ModelWorker> &slot = workers_[key(options)];
  std::shared_ptr<ModelWorker> worker = slot.lock();
  if (!worker) {
    worker =
        std::make_shared<ModelWorker>([load = load_, options, progress](const CancelToken &cancel) {
          return load(options, progress, cancel);
        });
    slot = worker;
  }
  return worker;
}

std::shared_ptr<Worker> Registry::open(const ModelOptions &options,
                                       const std::function<void(double)> &progress,
                                       const CancelToken &cancel) {
  const std::shared_ptr<ModelWorker> worker = find_or_start(options, progress);
  try {
    worker->wait_loaded(cancel);
  } catch (...) {
    // A failed load is not remembered: the file may be mended before the next try.
    std::lock_guard<std::mutex> lock(mutex_);
    const auto slot = workers_.find(key(options));
    if (!cancel.cancelled() && slot != workers_.end() && slot->second.lock() == worker)
      workers_.erase(slot);
    throw;
  }
  return worker;
}

} // namespace vlm
