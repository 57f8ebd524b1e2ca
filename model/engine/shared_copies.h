// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace vlm {

/// Workers with a loaded model each: at most one per place and precision. Holds none alive: the
/// last user's pointer does. Any thread may call it.
template <typename LoadedWorker> class SharedCopies {
public:
  /// The loaded one for these options, or, if any precision will do, of the same path and device;
  /// else a new one, whose thread calls load(resolved, progress, cancel). `resolved`: with the real
  /// path, a device and a precision. Waits for the load; errors are the load's, Error(Cancelled) on
  /// `cancel`.
  template <typename Options, typename Load>
  std::shared_ptr<LoadedWorker> open(const Options &resolved, bool any_precision, const Load &load,
                                     const std::function<void(double)> &progress,
                                     const CancelToken &cancel) {
    const auto start = [&](Leaving leaving) {
      return std::make_shared<LoadedWorker>(
          [load, resolved, progress, leaving = std::move(leaving)](const CancelToken &closed) {
            for (const std::shared_future<void> &ended : leaving)
              ended.wait();
            closed.check();
            return load(resolved, progress, closed);
          });
    };
    const auto worker = find_or_start(resolved.path + '\n' + resolved.device, resolved.precision,
                                      any_precision, start);
    worker->wait_loaded(cancel);
    return worker;
  }

private:
  /// Of threads whose worker is gone, and who may still hold the weights: a new one waits for them,
  /// since there may be no room for both.
  using Leaving = std::vector<std::shared_future<void>>;

  /// `start` must not load under this lock.
  template <typename Start>
  std::shared_ptr<LoadedWorker> find_or_start(const std::string &place,
                                              const std::string &precision, bool any_precision,
                                              const Start &start) {
    std::lock_guard<std::mutex> lock(mutex_);
    std::map<std::string, Slot> &slots = places_[place];
    Leaving leaving;
    for (const auto &[held_in, slot] : slots) {
      auto worker = slot.worker.lock();
      if (worker && (any_precision || held_in == precision))
        return worker;
      if (!worker)
        leaving.push_back(slot.ended);
    }
    auto worker = start(std::move(leaving));
    slots[precision] = {worker, worker->ended()};
    return worker;
  }

  /// The worker is gone once nobody uses it; its thread may hold the model for a while longer.
  struct Slot {
    std::weak_ptr<LoadedWorker> worker;
    std::shared_future<void> ended;
  };
  std::mutex mutex_;
  std::map<std::string, std::map<std::string, Slot>> places_; ///< by place, by precision
};

} // namespace vlm
