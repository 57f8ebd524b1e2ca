// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gstvlm
{

/// Text that comes as a stream of bytes, cut wherever a read ended: a prompt a
/// line.
class PromptLines
{
public:
  /// The lines that `bytes` completes, without their ends. Error(Data) for a
  /// line of more than a mebibyte.
  std::vector<std::string> add (std::string_view bytes);
  /// What came since the last line's end; may be empty.
  std::string rest ();

private:
  std::string open_;
};

} // namespace gstvlm
