// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/recent.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace vlm {

using TokenIds = std::vector<int64_t>;

/// How often drafted tokens turned out right of late.
class Odds {
public:
  explicit Odds(double right) : right_(right) {}

  /// How many tokens are worth drafting when a row costs that part (0..1) of what a token costs: as
  /// many as are each more likely right than that, and one at least when `trying`.
  int64_t length(double row_cost, bool trying) const;

  /// Of a draft so many were right; `missed` tells whether another was wrong.
  void learn(int64_t accepted, bool missed);

private:
  double right_;
};

/// What a client was answered of late. Scenes change slowly: the answer before the last is mostly a
/// good guess of the next.
struct PastAnswers {
  Recent<TokenIds, TokenIds> answers{32}; ///< by their prompts' ids, without a stop
  Odds in_step{.9}, by_match{.5};
};

/// Foretells how an answer goes on: as the last answer to the same prompt did (else the client's
/// last to any), as long as the two are the same; then as that answer or the prompt did behind the
/// same few tokens. Drafts that fail become shorter, and end. What is drafted changes how fast an
/// answer comes, never the answer (Generation checks every token).
class Drafter {
public:
  /// `prompt`: ids, kImageToken for a picture.
  Drafter(std::shared_ptr<PastAnswers> past, const TokenIds &prompt);

  /// At most `most` ids that may follow what was `said`; none when they are not worth their rows.
  TokenIds next(const TokenIds &said, int64_t most, double row_cost);

  /// What became of the last draft that was not empty.
  void learn(int64_t accepted, bool missed);

  /// The answer is complete (`said` without a stop).
  void finish(TokenIds said);

private:
  std::shared_ptr<PastAnswers> past_;
  TokenIds prompt_, previous_;
  Odds *used_;
  bool missed_ = false; // in this answer
};

} // namespace vlm
