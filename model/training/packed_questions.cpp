// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/packed_questions.h"

#include "model/core/error.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

namespace vlm {
namespace {

constexpr int64_t kPadding = std::numeric_limits<int64_t>::max(); // a segment that only sees itself

void copy_row(at::Tensor &to, int64_t row, const std::vector<int64_t> &values) {
  std::copy(values.begin(), values.end(), to.data_ptr<int64_t>() + row * to.size(1));
}

} // namespace

SupervisedIds supervise(const Tokenizer &tokenizer, const std::string &template_name,
                        const std::vector<Turn> &turns) {
  SupervisedIds out;
  std::vector<Turn> so_far;
  for (const Turn &turn : turns) {
    so_far.push_back({turn.question, {}});
    const auto open = tokenize_prompt(tokenizer, render(template_name, so_far));
    so_far.back() = turn;
    const auto closed = tokenize_prompt(tokenizer, render(template_name, so_far));
    if (closed.size() <= open.size() || !std::equal(open.begin(), open.end(), closed.begin()))
      fail(ErrorCategory::Data, "answer \"", turn.answer.value_or(""),
           "\" changes the ids of the prompt before it");
    out.targets.resize(closed.size(), kIgnore);
    for (size_t i = open.size(); i < closed.size(); ++i)
      out.targets[i - 1] = closed[i];
    out.ids = closed;
  }
  return out;
}

PackedQuestions::PackedQuestions(const std::vector<SupervisedIds> &conversations,
                                 int64_t visual_tokens) {
  const auto &first = conversations.at(0).ids;
  const auto image = std::find(first.begin(), first.end(), kImageToken);
  if (image == first.end())
    fail(ErrorCategory::Data, "the first conversation of a sequence has no picture");
  image_start = image - first.begin();
  ids.assign(first.begin(), image);
  ids.resize(static_cast<size_t>(image_start + visual_tokens), 0);
  targets.assign(ids.size(), kIgnore);
  segments.assign(ids.size(), 0);
  for (size_t i = 0; i < ids.size(); ++i)
    positions.push_back(static_cast<int64_t>(i));
  const auto prefix = static_cast<int64_t>(ids.size());
  int64_t branch = 0;
  for (const SupervisedIds &conversation : conversations) {
    ++branch;
    const auto found = std::find(conversation.ids.begin(), conversation.ids.end(), kImageToken);
    if (found == conversation.ids.end())
      append(conversation, 0, 0, -branch);
    else
      append(conversation, static_cast<size_t>(found - conversation.ids.begin()) + 1, prefix,
             branch);
  }
}

void PackedQuestions::append(const SupervisedIds &from, size_t begin, int64_t first_position,
                             int64_t segment) {
  for (size_t i = begin; i < from.ids.size(); ++i) {
    ids.push_back(from.ids[i]);
    targets.push_back(from.targets[i]);
    positions.push_back(first_position + static_cast<int64_t>(i - begin));
    segments.push_back(segment);
  }
}

PackedBatch pack(const std::vector<const PackedQuestions *> &sequences) {
  size_t longest = 0;
  for (const PackedQuestions *sequence : sequences)
    longest = std::max(longest, sequence->ids.size());
  const auto rows = static_cast<int64_t>(sequences.size()), length = static_cast<int64_t>(longest);
  PackedBatch out;
  out.ids = at::zeros({rows, length}, at::kLong);
  out.positions = at::zeros({rows, length}, at::kLong);
  out.targets = at::full({rows, length}, kIgnore, at::kLong);
  at::Tensor segments = at::full({rows, length}, kPadding, at::kLong);
  for (int64_t row = 0; row < rows; ++row) {
    const PackedQuestions &sequence = *sequences[static_cast<size_t>(row)];
    copy_row(out.ids, row, sequence.ids);
    copy_row(out.positions, row, sequence.positions);
    copy_row(out.targets, row, sequence.targets);
    copy_row(segments, row, sequence.segments);
    out.image_start = sequence.image_start;
  }
  const at::Tensor queries = segments.unsqueeze(2), keys = segments.unsqueeze(1);
  const at::Tensor prefix = keys.eq(0).logical_and(queries.ge(0));
  const at::Tensor place = at::arange(length);
  const at::Tensor earlier = place.unsqueeze(0).le(place.unsqueeze(1));
  out.mask = queries.eq(keys).logical_or(prefix).logical_and(earlier).unsqueeze(1);
  return out;
}

} // namespace vlm
