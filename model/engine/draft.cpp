// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/draft.h"

#include <algorithm>
#include <cmath>

namespace vlm {
namespace {

constexpr double kMemory = .1; // weight of the newest token
constexpr double kMostSure = .995;
constexpr size_t kLongestMatch = 3;

// What stands behind the last place in `text` where the end of `said` stands too, the longer the
// better: the number of equal tokens, and the place.
struct Match {
  size_t length = 0, behind = 0;
};

Match last_match(const TokenIds &text, const TokenIds &said) {
  Match best;
  for (size_t behind = text.size(); behind-- > 1;) {
    size_t length = 0;
    const size_t most = std::min({behind, said.size(), kLongestMatch});
    while (length < most && text[behind - 1 - length] == said[said.size() - 1 - length])
      ++length;
    if (length > best.length)
      best = {length, behind};
  }
  return best;
}

TokenIds part(const TokenIds &text, size_t from, int64_t most) {
  const size_t count =
      std::min(text.size() - from, static_cast<size_t>(std::max<int64_t>(most, 0)));
  const auto begin = text.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

bool begins_with(const TokenIds &text, const TokenIds &beginning) {
  return beginning.size() <= text.size() &&
         std::equal(beginning.begin(), beginning.end(), text.begin());
}

} // namespace

int64_t Odds::length(double row_cost, bool trying) const {
  const double worth = std::floor(std::log(row_cost) / std::log(right_));
  return std::max<int64_t>(trying ? 1 : 0, static_cast<int64_t>(worth));
}

void Odds::learn(int64_t accepted, bool missed) {
  for (int64_t i = 0; i < accepted; ++i)
    right_ += (kMostSure - right_) * kMemory;
  if (missed)
    right_ -= right_ * kMemory;
}

Drafter::Drafter(std::shared_ptr<PastAnswers> past, const TokenIds &prompt)
    : past_(std::move(past)), prompt_(prompt), used_(&past_->in_step) {
  const TokenIds *same = past_->answers.find(prompt);
  const TokenIds *any = same ? same : past_->answers.newest();
  if (any)
    previous_ = *any;
}

TokenIds Drafter::next(const TokenIds &said, int64_t most, double row_cost) {
  const auto worth = [&] { return std::min(most, used_->length(row_cost, !missed_)); };
  if (begins_with(previous_, said)) {
    used_ = &past_->in_step;
    return part(previous_, said.size(), worth());
  }
  used_ = &past_->by_match;
  const Match in_previous = last_match(previous_, said), in_prompt = last_match(prompt_, said);
  if (in_previous.length == 0 && in_prompt.length == 0)
    return {};
  return in_previous.length >= in_prompt.length ? part(previous_, in_previous.behind, worth())
                                                : part(prompt_, in_prompt.behind, worth());
}

void Drafter::learn(int64_t accepted, bool missed) {
  used_->learn(accepted, missed);
  missed_ = missed_ || missed;
}

void Drafter::finish(TokenIds said) { past_->answers.add(std::move(prompt_), std::move(said)); }

} // namespace vlm
