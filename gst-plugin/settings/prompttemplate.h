// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

namespace gstvlm
{

/// What the placeholders of a question stand for.
struct PromptPlace {
  GstClockTime pts = 0;
  GstClockTime stream_time = GST_CLOCK_TIME_NONE; ///< unknown: pts
  std::string stream;
  std::optional<std::string> label; ///< of a region
};

/// A question that waits for what only the time of asking tells: the last
/// answer stands between each two of its parts.
class OpenQuestion
{
public:
  std::string with (const std::string &previous) const;
  bool needs_previous () const { return parts_.size () > 1; }
  size_t size () const; ///< of its own text

private:
  friend OpenQuestion fill (const std::string &text, const PromptPlace &place);
  std::vector<std::string> parts_;
};

/// Throws Error(Settings) naming `property` and what is wrong with `text`: an
/// unknown placeholder ({label} is known where `of_region`), a brace that
/// stands alone, or nothing that is always there.
void check_placeholders (
    const char * property, const std::string &text, bool of_region);

/// Puts in everything but {previous}. `text` was checked.
OpenQuestion fill (const std::string &text, const PromptPlace &place);

} // namespace gstvlm
