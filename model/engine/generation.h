// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/draft.h"
#include "model/engine/model.h"
#include "model/engine/text_stream.h"
#include "model/language/json_constraint.h"
#include "model/language/kv_cache.h"
#include "model/language/sampler.h"
#include "model/weights/model_config.h"

#include <optional>

namespace vlm {

/// An answer of a LoadedModel: its conversation in the cache, its tokens so far.
class Generation : public Answer {
public:
  Generation(Request given, const ModelConfig &config, const Tokenizer &tokenizer, KvCache empty);

  bool finished() const override { return finished_; }
  Result take() override;

  /// Takes the next token from `logits`, then, for as long as the draft foretold them, those behind
  /// it, and tells whether others may follow. What goes wrong is kept for take(): it concerns no
  /// other answer.
  bool pick() noexcept;
  int64_t last_token() const { return result.output_ids.back(); }

  /// From now on tokens are foretold.
  void draft_with(Drafter drafter) { drafter_.emplace(std::move(drafter)); }
  /// At most `most` tokens that are read in one pass with the last one, or with the prompt's last
  /// part, behind it. `row_cost`: what each costs, as a part of what a token costs without.
  const TokenIds &draft(int64_t most, double row_cost);

  /// Without any token.
  void finish() { finished_ = true; }

  /// The answer is JSON: only tokens that fit are taken. Before the first one.
  void constrain(JsonConstraint constraint) { constraint_.emplace(std::move(constraint)); }

  const Request request;
  Result result;
  KvCache cache;
  at::Tensor logits;        ///< float32 [1 + drafted, vocab_size], after the last positions
  at::Tensor visual_tokens; ///< float32 [1, tokens of all pictures, hidden_size]; undefined: none

private:
  void take_tokens();
  void add(const SampledToken &token);
  std::string json() const;
  bool stops(int64_t id) const;

  const ModelConfig &config_;
  const Tokenizer &tokenizer_;
  Sampler sampler_;
  TextStream stream_;
  std::optional<JsonConstraint> constraint_;
  std::optional<Drafter> drafter_;
  TokenIds draft_;        // read into the cache behind the last token
  int64_t unchecked_ = 0; // of these
  // A model's vocabulary may be padded beyond its tokenizer's: such ids have no text.
  std::vector<int64_t> printable_;
  std::exception_ptr error_;
  bool finished_ = false;
};

} // namespace vlm
