// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/fair_queue.h"

#include <algorithm>

namespace vlm {
namespace {

constexpr double kLeastWeight = 1e-3;

} // namespace

void FairQueue::push(Job job) {
  const auto [lane, fresh] = lanes_.try_emplace(job.request.client);
  if (fresh)
    lane->second.due = now_; // a client that was away has saved no turns
  lane->second.jobs.push_back(std::move(job));
}

std::optional<Job> FairQueue::pop() {
  if (lanes_.empty())
    return std::nullopt;
  const auto next =
      std::min_element(lanes_.begin(), lanes_.end(), [](const auto &a, const auto &b) {
        const Lane &x = a.second, &y = b.second;
        return x.due != y.due ? x.due < y.due : x.jobs.front().queued < y.jobs.front().queued;
      });
  Lane &lane = next->second;
  Job job = std::move(lane.jobs.front());
  lane.jobs.pop_front();
  now_ = lane.due;
  lane.due += 1 / std::max(job.request.weight, kLeastWeight);
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
