// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/registry.h"

#include "model/engine/shared_worker.h"

namespace vlm {
namespace {

std::string place_of(const ModelOptions &resolved) {
  return resolved.path + '\n' + resolved.device;
}

} // namespace

std::shared_ptr<ModelWorker> Registry::find(const ModelOptions &resolved,
                                            bool any_precision) const {
  const auto place = slots_.find(place_of(resolved));
  if (place == slots_.end())
    return nullptr;
  for (const auto &[precision, slot] : place->second)
    if (any_precision || precision == resolved.precision)
      if (auto worker = slot.worker.lock())
        return worker;
  return nullptr;
}

std::shared_ptr<ModelWorker> Registry::find_or_start(const ModelOptions &resolved,
                                                     bool any_precision,
                                                     const std::function<void(double)> &progress) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (auto worker = find(resolved, any_precision))
    return worker;
  std::map<std::string, Slot> &place = slots_[place_of(resolved)];
  // A load that was given up, or a last layer, may still hold the weights: it is waited for, since
  // there may be no room for both.
  std::vector<std::shared_future<void>> leaving;
  for (const auto &[precision, slot] : place)
    if (slot.worker.expired())
      leaving.push_back(slot.ended);
  auto worker = std::make_shared<ModelWorker>(
      [load = load_, resolved, progress, leaving](const CancelToken &cancel) {
        for (const std::shared_future<void> &ended : leaving)
          ended.wait();
        cancel.check();
        return load(resolved, progress, cancel);
      });
  place[resolved.precision] = {worker, worker->ended()};
  return worker;
}

std::shared_ptr<Worker> Registry::open(const ModelOptions &options,
                                       const std::function<void(double)> &progress,
                                       const CancelToken &cancel) {
  const auto worker = find_or_start(resolve_(options), options.precision == "auto", progress);
  worker->wait_loaded(cancel);
  return std::make_shared<SharedWorker>(worker, options.threads);
}

} // namespace vlm
