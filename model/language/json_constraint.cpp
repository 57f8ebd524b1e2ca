// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/language/json_constraint.h"

#include "model/core/error.h"

#include <algorithm>
#include <limits>

namespace vlm {
namespace {

constexpr size_t kNowhere = std::numeric_limits<size_t>::max();

// Inside a string all states are alike until its end comes near: few masks serve a whole answer.
constexpr size_t kMostMasks = 128;

} // namespace

VocabularyBytes::VocabularyBytes(std::vector<std::optional<std::string>> tokens)
    : place_(tokens.size(), kNowhere) {
  for (size_t id = 0; id < tokens.size(); ++id)
    if (tokens[id] && !tokens[id]->empty())
      sorted_.push_back({std::move(*tokens[id]), static_cast<int64_t>(id)});
  std::sort(sorted_.begin(), sorted_.end(),
            [](const Token &a, const Token &b) { return a.bytes < b.bytes; });
  for (size_t i = 0; i < sorted_.size(); ++i) {
    place_[static_cast<size_t>(sorted_[i].id)] = i;
    longest_ = std::max(longest_, sorted_[i].bytes.size());
  }
}

JsonConstraint::JsonConstraint(std::string_view schema,
                               std::shared_ptr<const VocabularyBytes> vocabulary,
                               std::vector<int64_t> stop_ids)
    : grammar_(schema), vocabulary_(std::move(vocabulary)), stop_ids_(std::move(stop_ids)),
      state_(grammar_.start()) {}

const std::vector<bool> &JsonConstraint::allowed() {
  const std::string key = grammar_.key(state_, static_cast<int64_t>(vocabulary_->longest()));
  const auto found = known_.find(key);
  if (found != known_.end())
    return found->second;
  if (known_.size() >= kMostMasks)
    known_.clear();
  std::vector<bool> mask = walk();
  if (std::find(mask.begin(), mask.end(), true) == mask.end())
    fail(ErrorCategory::Failed, "json-schema: the model's vocabulary has no token that continues ",
         text_);
  return known_.emplace(key, std::move(mask)).first->second;
}

std::vector<bool> JsonConstraint::walk() const {
  std::vector<bool> out(vocabulary_->size());
  std::vector<JsonGrammar::State> states(vocabulary_->longest() + 1);
  states[0] = state_;
  walk(0, vocabulary_->sorted().size(), 0, states, out);
  if (complete())
    for (const int64_t id : stop_ids_) {
      out.resize(std::max(out.size(), static_cast<size_t>(id) + 1));
      out[static_cast<size_t>(id)] = true;
    }
  return out;
}

// Tokens from `begin` to `end` have their first `depth` bytes in common, behind which the grammar
// is in states[depth].
void JsonConstraint::walk(size_t begin, size_t end, size_t depth,
                          std::vector<JsonGrammar::State> &states, std::vector<bool> &out) const {
  const std::vector<VocabularyBytes::Token> &tokens = vocabulary_->sorted();
  for (; begin < end && tokens[begin].bytes.size() == depth; ++begin)
    out[static_cast<size_t>(tokens[begin].id)] = true;
  while (begin < end) {
    const char byte = tokens[begin].bytes[depth];
    size_t next = begin + 1;
    while (next < end && tokens[next].bytes[depth] == byte)
      ++next;
    grammar_.advance(states[depth], static_cast<unsigned char>(byte), states[depth + 1]);
    if (!states[depth + 1].empty())
      walk(begin, next, depth + 1, states, out);
    begin = next;
  }
}

void JsonConstraint::accept(int64_t id) {
  for (const char byte : vocabulary_->bytes(id)) {
    JsonGrammar::State next;
    grammar_.advance(state_, static_cast<unsigned char>(byte), next);
    state_ = std::move(next);
  }
  text_ += vocabulary_->bytes(id);
}

std::string JsonConstraint::text() const {
  const bool space = !text_.empty() && text_[0] == ' '; // the one that may open it
  return text_.substr(space ? 1 : 0);
}

} // namespace vlm
