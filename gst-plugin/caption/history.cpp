// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/history.h"

#include <algorithm>

namespace gstvlm
{
namespace
{

// As many as the property history may ask for.
constexpr size_t kMost = 100;

// Prompts that are changed all the time must not pile up.
constexpr size_t kPrompts = 1000;

} // namespace

void
History::clear ()
{
  turns_.clear ();
  previous_.clear ();
}

void
History::enter (const std::string &conversation)
{
  if (conversation != conversation_)
    turns_.clear ();
  conversation_ = conversation;
}

// An empty answer would leave its turn open.
void
History::add (const std::string &prompt, vlm::Turn turn)
{
  if (turn.answer->empty ())
    return;
  std::deque<vlm::Turn> &turns = turns_[prompt];
  turns.push_back (std::move (turn));
  if (turns.size () > kMost)
    turns.pop_front ();
}

std::vector<vlm::Turn>
History::turns (const std::string &prompt, size_t most) const
{
  const auto found = turns_.find (prompt);
  if (found == turns_.end ())
    return {};
  const std::deque<vlm::Turn> &all = found->second;
  const auto count = static_cast<std::ptrdiff_t> (std::min (most, all.size ()));
  return {all.end () - count, all.end ()};
}

void
History::set_previous (const std::string &prompt, const std::string &answer)
{
  if (previous_.size () >= kPrompts)
    previous_.clear ();
  previous_[prompt] = answer;
}

std::string
History::previous (const std::string &prompt) const
{
  const auto found = previous_.find (prompt);
  return found == previous_.end () ? "" : found->second;
}

} // namespace gstvlm
