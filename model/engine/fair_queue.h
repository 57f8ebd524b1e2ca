// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <chrono>
#include <deque>
#include <map>
#include <optional>

namespace vlm {

/// A request on its way through a worker.
struct Job {
  Request request;
  Completion done;
  std::chrono::steady_clock::time_point queued = std::chrono::steady_clock::now();
};

/// Jobs that wait, by client. Whatever one client queues, the others get their turns: a client of
/// weight 2 gets two where one of weight 1 gets one. Within a client first come, first served. Not
/// synchronised.
class FairQueue {
public:
  void push(Job job);
  /// The next job; none when empty.
  std::optional<Job> pop();
  bool empty() const { return lanes_.empty(); }
  /// Cancels every job; they stay, so that each is still answered.
  void cancel() const;

private:
  struct Lane {
    std::deque<Job> jobs;
    double due; // in turns of weight 1: the lane that is due first is served next
  };
  std::map<uint64_t, Lane> lanes_; // none is empty
  double now_ = 0;                 // when the last job was due
};

} // namespace vlm
