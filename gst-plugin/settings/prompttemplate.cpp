// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/prompttemplate.h"

#include "model/core/error.h"

#include <algorithm>

namespace gstvlm
{
namespace
{

enum class Kind { Text, Placeholder, Mistake };

/// A piece of a template: text, the name of a placeholder, or what cannot be
/// understood.
struct Piece {
  Kind kind;
  std::string text;
};

// A doubled brace is one of the text.
std::vector<Piece>
split (const std::string &text)
{
  std::vector<Piece> pieces;
  size_t at = 0;
  while (at < text.size ()) {
    const char c = text[at];
    const bool brace = c == '{' || c == '}';
    if (brace && at + 1 < text.size () && text[at + 1] == c) {
      pieces.push_back ({Kind::Text, std::string (1, c)});
      at += 2;
    } else if (brace) {
      const size_t end = c == '{' ? text.find ('}', at) : std::string::npos;
      if (end == std::string::npos) {
        pieces.push_back ({Kind::Mistake, text.substr (at)});
        return pieces;
      }
      pieces.push_back (
          {Kind::Placeholder, text.substr (at + 1, end - at - 1)});
      at = end + 1;
    } else {
      const size_t end = std::min (text.find_first_of ("{}", at), text.size ());
      pieces.push_back ({Kind::Text, text.substr (at, end - at)});
      at = end;
    }
  }
  return pieces;
}

std::string
time_of_day (GstClockTime time)
{
  char out[64];
  g_snprintf (out, sizeof out, "%02" G_GUINT64_FORMAT ":%02u:%02u.%03u",
      time / (3600 * GST_SECOND),
      static_cast<guint> (time / (60 * GST_SECOND) % 60),
      static_cast<guint> (time / GST_SECOND % 60),
      static_cast<guint> (time / GST_MSECOND % 1000));
  return out;
}

// What others wrote must not look like the mark of a picture.
std::string
without_marks (std::string text)
{
  const std::string mark = "<image>";
  for (size_t at; (at = text.find (mark)) != std::string::npos;)
    text.erase (at, mark.size ());
  return text;
}

std::string
value_of (const std::string &name, const PromptPlace &place)
{
  if (name == "pts")
    return std::to_string (place.pts);
  if (name == "stream")
    return without_marks (place.stream);
  if (name == "label")
    return without_marks (place.label.value_or (""));
  return time_of_day (GST_CLOCK_TIME_IS_VALID (place.stream_time)
                          ? place.stream_time
                          : place.pts);
}

} // namespace

std::string
OpenQuestion::with (const std::string &previous) const
{
  const std::string between = without_marks (previous);
  std::string out;
  for (const std::string &part : parts_) {
    if (&part != &parts_.front ())
      out += between;
    out += part;
  }
  return out;
}

size_t
OpenQuestion::size () const
{
  size_t size = 0;
  for (const std::string &part : parts_)
    size += part.size ();
  return size;
}

void
check_placeholders (
    const char * property, const std::string &text, bool of_region)
{
  const auto refuse = [&] (const auto &... parts) {
    vlm::fail (
        vlm::ErrorCategory::Settings, property, "=\"", text, "\": ", parts...);
  };
  bool always_there = false;
  for (const Piece &piece : split (text)) {
    const std::string &name = piece.text;
    if (piece.kind == Kind::Mistake)
      refuse ("the brace in front of \"", name.substr (1),
          "\" stands alone; a brace of the text is written twice");
    const bool dated = name == "time" || name == "pts";
    always_there |= piece.kind == Kind::Text || dated;
    if (piece.kind == Kind::Text || dated || name == "previous" ||
        name == "stream" || (of_region && name == "label"))
      continue;
    refuse ("{", name,
        "} is no placeholder; there are {time}, {pts}, "
        "{previous}, {stream}",
        of_region ? ", {label}" : "",
        ", and a brace of the text is written twice");
  }
  if (!always_there)
    refuse ("without the values of its placeholders there is no question");
}

OpenQuestion
fill (const std::string &text, const PromptPlace &place)
{
  OpenQuestion out;
  out.parts_.emplace_back ();
  for (const Piece &piece : split (text))
    if (piece.kind == Kind::Text)
      out.parts_.back () += piece.text;
    else if (piece.text == "previous")
      out.parts_.emplace_back ();
    else
      out.parts_.back () += value_of (piece.text, place);
  return out;
}

} // namespace gstvlm
