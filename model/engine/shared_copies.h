// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

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
  /// Of threads whose worker is gone, and who may still hold the weights: a new one waits for them,
  /// since there may be no room for both.
  using Leaving = std::vector<std::shared_future<void>>;
  using Start = std::function<std::shared_ptr<LoadedWorker>(Leaving)>;

  /// The one that is there, whatever its precision if any will do, else what `start` returns, which
  /// must not load under this lock.
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

private:
  /// The worker is gone once nobody uses it; its thread may hold the model for a while longer.
  struct Slot {
    std::weak_ptr<LoadedWorker> worker;
    std::shared_future<void> ended;
  };
  std::mutex mutex_;
  std::map<std::string, std::map<std::string, Slot>> places_; ///< by place, by precision
};

/// Waits for all of them.
inline void wait_for(const std::vector<std::shared_future<void>> &leaving) {
  for (const std::shared_future<void> &ended : leaving)
    ended.wait();
}

} // namespace vlm
