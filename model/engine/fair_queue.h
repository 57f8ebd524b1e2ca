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
/// weight 2 gets two where one of weight 1 gets one. Within a client first come, first served. A
/// job that comes out too late, behind its deadline, took no turn: the client's next one, if it is
/// there before the next pop(), is served in its place. Not synchronised.
class FairQueue {
public:
  void push(Job job);
  /// The next job; none when empty.
  std::optional<Job> pop();
  bool empty() const { return lanes_.empty(); }
  /// Cancels every job; they stay, so that each is still answered.
  void cancel() const;

private:
  using Clock = std::chrono::steady_clock;
  struct Turn {
    double due;              // in turns of weight 1: the lane that is due first is served next
    Clock::time_point since; // of those that are due together, the one that waits longest
  };
  struct Lane {
    std::deque<Job> jobs;
    Turn turn;
  };
  struct Missed {
    uint64_t client;
    Turn turn;
  };
  std::map<uint64_t, Lane> lanes_; // none is empty
  std::optional<Missed> missed_;   // by the last pop(), of a client that has no more jobs
  double now_ = 0;                 // when the last job was due
};

} // namespace vlm
