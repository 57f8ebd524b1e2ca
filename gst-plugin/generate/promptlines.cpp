// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/promptlines.h"

#include "model/core/error.h"

#include <utility>

namespace gstvlm
{
namespace
{

constexpr size_t kLongest = 1 << 20;

std::string
without_return (std::string line)
{
  if (!line.empty () && line.back () == '\r')
    line.pop_back ();
  return line;
}

} // namespace

std::vector<std::string>
PromptLines::add (std::string_view bytes)
{
  std::vector<std::string> lines;
  for (size_t end; (end = bytes.find ('\n')) != bytes.npos;) {
    open_ += bytes.substr (0, end);
    lines.push_back (without_return (rest ()));
    bytes.remove_prefix (end + 1);
  }
  open_ += bytes;
  if (open_.size () > kLongest) {
    open_.clear ();
    vlm::fail (vlm::ErrorCategory::Data, "a line of text of more than ",
        kLongest, " bytes is no prompt");
  }
  return lines;
}

std::string
PromptLines::rest ()
{
  return std::exchange (open_, {});
}

} // namespace gstvlm
