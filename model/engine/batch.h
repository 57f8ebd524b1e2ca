// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/fair_queue.h"
#include "model/engine/model.h"

#include <chrono>
#include <memory>
#include <vector>

namespace vlm {

/// The answers that one model makes at a time: all get their next token in one pass over the
/// weights, and a new request is read while the others go on, a token between its layers now and
/// then. Belongs to the worker's thread, on which completions are called.
class Batch {
public:
  /// `closing`, once cancelled, ends every answer at its next token.
  Batch(const Model &model, CancelToken closing) : model_(model), closing_(std::move(closing)) {}

  bool empty() const { return members_.empty(); }
  bool full() const { return members_.size() >= Model::kMostAnswers; }

  /// Reads the job's prompt; the job joins, or is completed if it failed or came too late.
  void start(Job job);
  /// One token for everyone; completes those that have all.
  void step();

private:
  using Clock = std::chrono::steady_clock;
  struct Member {
    Completion done;
    CancelToken cancel;
    std::unique_ptr<Answer> answer;
    double waited; // seconds
    bool shares;   // its passes with others
  };
  std::unique_ptr<Answer> begin(Request request);
  void advance();
  void take_turn();
  static void complete(Member &member, std::exception_ptr error);

  const Model &model_;
  CancelToken closing_;
  std::vector<Member> members_;
  Clock::time_point last_step_;   // its end
  Clock::duration step_length_{}; // of the last one
};

} // namespace vlm
