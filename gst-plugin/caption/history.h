// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/text/conversation.h"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace gstvlm
{

/// What was asked and answered so far, by prompt. Not synchronised.
class History
{
public:
  /// Forgets the turns when another conversation begins.
  void enter (const std::string &conversation);
  void clear ();

  void add (const std::string &prompt, vlm::Turn turn);
  /// The last turns of a prompt, up to `most`, oldest first.
  std::vector<vlm::Turn> turns (const std::string &prompt, size_t most) const;

  /// The last answer, for `{previous}`; empty when there is none. Of whatever
  /// conversation.
  void set_previous (const std::string &prompt, const std::string &answer);
  std::string previous (const std::string &prompt) const;

private:
  std::string conversation_;
  std::map<std::string, std::deque<vlm::Turn>> turns_;
  std::map<std::string, std::string> previous_;
};

} // namespace gstvlm
