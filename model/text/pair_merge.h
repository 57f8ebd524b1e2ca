// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <string_view>
#include <vector>

namespace vlm {

/// A character, or what it has grown to.
struct MergeSymbol {
  int32_t id;
  std::string_view text; ///< adjacent symbols have adjacent texts, or none has a text
};

struct MergeResult {
  float priority; ///< the highest is merged first, of equals the leftmost
  int32_t id;
};

/// Byte-pair encoding: merges neighbours until no pair has a result. `lookup(left, right)` gives an
/// optional MergeResult and depends on its arguments only. n log n in the number of symbols.
template <typename Lookup>
std::vector<MergeSymbol> merge_pairs(const std::vector<MergeSymbol> &symbols, Lookup lookup) {
  struct Candidate {
    MergeResult result;
    int32_t left;
    bool operator<(const Candidate &other) const { // the queue's top is the greatest
      return result.priority != other.result.priority ? result.priority < other.result.priority
                                                      : left > other.left;
    }
  };
  struct Node {
    MergeSymbol symbol;
    int32_t previous, next; // -1: none
    bool merged;            // is part of the one before
  };
  const auto count = static_cast<int32_t>(symbols.size());
  std::vector<Node> nodes;
  nodes.reserve(symbols.size());
  for (int32_t i = 0; i < count; ++i)
    nodes.push_back({symbols[i], i - 1, i + 1 < count ? i + 1 : -1, false});
  std::priority_queue<Candidate> queue;
  const auto result_at = [&](int32_t left) -> std::optional<MergeResult> {
    if (left < 0 || nodes[left].merged || nodes[left].next < 0)
      return {};
    return lookup(nodes[left].symbol, nodes[nodes[left].next].symbol);
  };
  const auto consider = [&](int32_t left) {
    if (const auto result = result_at(left))
      queue.push({*result, left});
  };
  for (int32_t i = 0; i < count; ++i)
    consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const auto current = result_at(best.left);
    if (!current || current->id != best.result.id)
      continue; // its parts have changed since
    Node &left = nodes[best.left];
    Node &right = nodes[left.next];
    left.symbol = {best.result.id,
                   {left.symbol.text.data(), left.symbol.text.size() + right.symbol.text.size()}};
    left.next = right.next;
    right.merged = true;
    if (left.next >= 0)
      nodes[left.next].previous = best.left;
    consider(left.previous);
    consider(best.left);
  }
  std::vector<MergeSymbol> out;
  for (const Node &node : nodes)
    if (!node.merged)
      out.push_back(node.symbol);
  return out;
}

} // namespace vlm
