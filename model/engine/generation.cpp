// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/engine/generation.h"

#include "model/core/error.h"
#include "model/core/strip.h"
#include "model/weights/own_errors.h"

#include <algorithm>

namespace vlm {

Generation::Generation(Request given, const ModelConfig &config, const Tokenizer &tokenizer,
                       KvCache empty)
    : request(std::move(given)), cache(std::move(empty)), config_(config), tokenizer_(tokenizer),
      sampler_(request.sampling), stream_(tokenizer, request.on_text) {}

bool Generation::pick() noexcept {
  try {
    take_tokens();
  } catch (...) {
    error_ = std::current_exception();
    finished_ = true;
  }
  return !finished_;
}

// The logits behind a drafted token are those of an answer that has this token. Whatever it is, it
// is picked as if there had been no draft.
void Generation::take_tokens() {
  unchecked_ = static_cast<int64_t>(draft_.size());
  size_t right = 0;
  for (;;) {
    add(sampler_(logits[static_cast<int64_t>(right)],
                 constraint_ ? &constraint_->allowed() : nullptr));
    if (finished_ || right == draft_.size() || draft_[right] != last_token())
      break;
    ++right;
    --unchecked_;
  }
  cache.truncate(cache.length() - unchecked_);
  if (!draft_.empty())
    drafter_->learn(static_cast<int64_t>(right),
                    right < draft_.size() && draft_[right] != last_token());
  result.reused.accepted += static_cast<int64_t>(right);
  draft_.clear();
  unchecked_ = 0;
}

const TokenIds &Generation::draft(int64_t most, double row_cost) {
  if (!drafter_)
    return draft_;
  const int64_t tokens = request.max_tokens - static_cast<int64_t>(result.output_ids.size());
  const int64_t positions = config_.decoder.max_position_embeddings - cache.length();
  most = std::min({most, tokens - 1, positions - 1}); // the last row's own token comes for nothing
  draft_ = drafter_->next(result.output_ids, most, row_cost);
  const auto unusable = [&](int64_t id) { return id < 0 || stops(id); };
  draft_.erase(std::find_if(draft_.begin(), draft_.end(), unusable), draft_.end());
  result.reused.drafted += static_cast<int64_t>(draft_.size());
  return draft_;
}

void Generation::add(const SampledToken &token) {
  result.output_ids.push_back(token.id);
  result.token_logprobs.push_back(token.logprob);
  if (stops(token.id)) {
    result.stop_reason = StopReason::Eos;
    finished_ = true;
    return;
  }
  if (token.id < tokenizer_.vocab_size())
    printable_.push_back(token.id);
  stream_.update(printable_);
  if (constraint_) {
    constraint_->accept(token.id);
    finished_ = constraint_->finished(); // where nothing may follow, no stop is waited for
  }
  result.stop_reason = StopReason::Eos;
  if (finished_)
    return;
  const bool cancelled = request.cancel.cancelled();
  result.stop_reason = cancelled ? StopReason::Cancelled : StopReason::Length;
  finished_ = cancelled || static_cast<int64_t>(result.output_ids.size()) >= request.max_tokens ||
              cache.length() - unchecked_ >= config_.decoder.max_position_embeddings;
}

/// Never half of it.
std::string Generation::json() const {
  if (constraint_->complete())
    return constraint_->text();
  if (result.stop_reason == StopReason::Cancelled)
    fail(ErrorCategory::Cancelled, "the request was cancelled");
  fail(ErrorCategory::Failed,
       "json-schema: the answer was cut off by max-tokens=", request.max_tokens,
       " or the model's context after ", result.output_ids.size(),
       " tokens, before it was complete");
}

bool Generation::stops(int64_t id) const {
  return std::count(config_.stop_ids.begin(), config_.stop_ids.end(), id) > 0;
}

Result Generation::take() {
  if (error_)
    with_own_errors([this] { std::rethrow_exception(error_); });
  if (drafter_) {
    TokenIds said = result.output_ids;
    said.erase(std::find_if(said.begin(), said.end(), [&](int64_t id) { return stops(id); }),
               said.end());
    drafter_->finish(std::move(said));
  }
  result.text = constraint_ ? json() : strip(tokenizer_.decode(printable_, /*skip_special=*/true));
  result.generation_prompt = generation_prompt(result.text);
  stream_.finish(result.text);
  return std::move(result);
}

} // namespace vlm
