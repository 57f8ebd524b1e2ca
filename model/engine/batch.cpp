// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/batch.h"

#include <algorithm>

namespace vlm {
namespace {

// A token for one answer costs nearly what one for each of many does. So those under way get one
// only when the new prompt had many times as long, that it may soon go on together with them; but
// at least every second, for whoever watches an answer grow.
constexpr int kPromptShare = 15;
constexpr std::chrono::seconds kLongestWait(1);

} // namespace

void Batch::start(Job job) {
  const auto began = Clock::now();
  Member member{std::move(job.done), job.request.cancel, nullptr,
                std::chrono::duration<double>(began - job.queued).count(), job.request.reuse.batch};
  std::exception_ptr error;
  try {
    if (job.request.deadline && began > *job.request.deadline)
      fail(ErrorCategory::Cancelled, "the request waited ", member.waited,
           " s, longer than its deadline");
    member.answer = begin(std::move(job.request));
  } catch (...) {
    error = std::current_exception();
  }
  if (error || member.answer->finished())
    complete(member, error);
  else
    members_.push_back(std::move(member));
}

std::unique_ptr<Answer> Batch::begin(Request request) {
  const CancelToken cancel = request.cancel;
  cancel.check();
  return model_.begin(std::move(request), Pace(cancel, [this] { take_turn(); }));
}

/// Between two layers of a prompt.
void Batch::take_turn() {
  closing_.check();
  const Clock::duration wait = std::min<Clock::duration>(kPromptShare * step_length_, kLongestWait);
  if (!empty() && Clock::now() - last_step_ >= std::max(step_length_, wait))
    step();
}

void Batch::step() {
  if (closing_.cancelled())
    for (const Member &member : members_)
      member.cancel.cancel();
  const auto began = Clock::now();
  std::exception_ptr error;
  try {
    advance();
  } catch (...) {
    error = std::current_exception();
  }
  last_step_ = Clock::now();
  step_length_ = last_step_ - began;
  const auto ready =
      std::stable_partition(members_.begin(), members_.end(), [&](const Member &member) {
        return !error && !member.answer->finished();
      });
  std::vector<Member> finished(std::make_move_iterator(ready),
                               std::make_move_iterator(members_.end()));
  members_.erase(ready, members_.end());
  for (Member &member : finished)
    complete(member, error);
}

void Batch::advance() {
  std::vector<Answer *> together;
  for (const Member &member : members_)
    if (member.shares)
      together.push_back(member.answer.get());
    else
      model_.advance({member.answer.get()});
  if (!together.empty())
    model_.advance(together);
}

void Batch::complete(Member &member, std::exception_ptr error) {
  std::unique_ptr<Result> result;
  if (!error)
    try {
      result = std::make_unique<Result>(member.answer->take());
      result->timings.queue = member.waited;
    } catch (...) {
      error = std::current_exception();
    }
  member.answer.reset();
  member.done(std::move(result), error);
}

} // namespace vlm
