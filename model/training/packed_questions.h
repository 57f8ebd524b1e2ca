// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/conversation.h"
#include "model/text/tokenizer.h"

#include <ATen/core/Tensor.h>

namespace vlm {

/// Nothing is to be predicted here.
constexpr int64_t kIgnore = -100;

/// A conversation as ids, with what is to be predicted at each position: the next id inside answers
/// and their end mark, kIgnore elsewhere. A picture is one kImageToken.
struct SupervisedIds {
  std::vector<int64_t> ids, targets;
};

/// Every turn must have its answer. Error(Data) when an answer changes the ids before it.
SupervisedIds supervise(const Tokenizer &tokenizer, const std::string &template_name,
                        const std::vector<Turn> &turns);

/// Many conversations about one picture in one sequence: the picture and what stands before it is a
/// prefix that all share, the rest of each is a branch that sees the prefix and itself. Positions
/// restart behind the prefix, so this equals as many separate conversations. Conversations without
/// the picture see only themselves.
struct PackedQuestions {
  std::vector<int64_t> ids; ///< 0 at the picture's places
  std::vector<int64_t> positions, targets;
  std::vector<int64_t> segments; ///< 0 prefix, k > 0 a branch, k < 0 a conversation without picture
  int64_t image_start = 0;       ///< first of the visual tokens

  PackedQuestions() = default;
  /// `visual_tokens`: positions that a picture takes. The first conversation has the picture.
  PackedQuestions(const std::vector<SupervisedIds> &conversations, int64_t visual_tokens);

private:
  void append(const SupervisedIds &from, size_t begin, int64_t first_position, int64_t segment);
};

/// Several packed sequences, padded to the longest.
struct PackedBatch {
  at::Tensor ids, positions, targets; ///< int64 [B, L]
  at::Tensor mask;                    ///< bool [B, 1, L, L], true where a row may look
  int64_t image_start = 0;
};
PackedBatch pack(const std::vector<const PackedQuestions *> &sequences);

} // namespace vlm
