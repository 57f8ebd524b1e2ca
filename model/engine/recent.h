// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <list>
#include <utility>

namespace vlm {

/// The last few things of a kind, newest first: the one that was not asked for the longest goes.
/// Not synchronised.
template <typename Key, typename Value> class Recent {
public:
  explicit Recent(size_t most) : most_(most) {}

  /// Null when it is not there, or not any more. Valid until the next add().
  Value *find(const Key &key) {
    for (auto item = items_.begin(); item != items_.end(); ++item)
      if (item->first == key) {
        items_.splice(items_.begin(), items_, item);
        return &item->second;
      }
    return nullptr;
  }

  /// In the place of what was there under that key.
  Value &add(Key key, Value value) {
    if (Value *old = find(key))
      return *old = std::move(value);
    items_.emplace_front(std::move(key), std::move(value));
    if (items_.size() > most_)
      items_.pop_back();
    return items_.front().second;
  }

  /// Null without any.
  const Value *newest() const { return items_.empty() ? nullptr : &items_.front().second; }

private:
  size_t most_;
  std::list<std::pair<Key, Value>> items_;
};

} // namespace vlm
