// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/fair_queue.h"

#include <algorithm>

namespace vlm {
namespace {

constexpr double kLeastWeight = 1e-3;

} // namespace

void FairQueue::push(Job job) {
  const auto [lane, fresh] = lanes_.try_emplace(job.request.client);
  if (fresh && missed_ && missed_->client == job.request.client)
    lane->second.turn = missed_->turn;
  else if (fresh)
    lane->second.turn = {now_, job.queued}; // a client that was away has saved no turns
  lane->second.jobs.push_back(std::move(job));
}

std::optional<Job> FairQueue::pop() {
  missed_.reset();
  if (lanes_.empty())
    return std::nullopt;
  const auto next =
      std::min_element(lanes_.begin(), lanes_.end(), [](const auto &a, const auto &b) {
        const Turn &x = a.second.turn, &y = b.second.turn;
        return x.due != y.due ? x.due < y.due : x.since < y.since;
      });
  Lane &lane = next->second;
  Job job = std::move(lane.jobs.front());
  lane.jobs.pop_front();
  now_ = lane.turn.due;
  const bool late = job.request.deadline && Clock::now() > *job.request.deadline;
  if (late && lane.jobs.empty())
    missed_ = Missed{next->first, lane.turn};
  else if (!late && !lane.jobs.empty())
    lane.turn = {now_ + 1 / std::max(job.request.weight, kLeastWeight), lane.jobs.front().queued};
  if (lane.jobs.empty())
    lanes_.erase(next);
  return job;
}

void FairQueue::cancel() const {
  for (const auto &[client, lane] : lanes_)
    for (const Job &job : lane.jobs)
      job.request.cancel.cancel();
}

} // namespace vlm
