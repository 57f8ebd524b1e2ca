// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/caption/windowbuilder.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

bool
holds (const FrameWindow &window, GstClockTime pts)
{
  return pts >= window.start && pts < window.end;
}

size_t
part_of (const FrameWindow &window, GstClockTime pts)
{
  return gst_util_uint64_scale (
      pts - window.start, window.taken.size (), window.end - window.start);
}

// By more than the window's length: timestamps that merely jitter around a
// border do not end it.
bool
far_before (GstClockTime pts, const FrameWindow &window)
{
  return pts + (window.end - window.start) < window.start;
}

bool
far_behind (GstClockTime pts, const FrameWindow &window)
{
  return pts >= window.end + (window.end - window.start);
}

} // namespace

void
WindowBuilder::reset (GstClockTime origin, bool reverse)
{
  origin_ = origin;
  reverse_ = reverse;
  open_.clear ();
  newest_.reset ();
}

std::vector<FrameWindow>
WindowBuilder::take_all ()
{
  newest_.reset ();
  return std::exchange (open_, {});
}

std::vector<FrameWindow>
WindowBuilder::take_ended (GstClockTime pts)
{
  if (open_.empty ())
    return {};
  // A jump against the direction of play is a new beginning.
  if (reverse_ ? far_behind (pts, open_.front ())
               : far_before (pts, open_.front ()))
    return take_all ();
  const auto going_on =
      std::find_if (open_.begin (), open_.end (), [&] (const FrameWindow &w) {
        return reverse_ ? pts >= w.start : pts < w.end;
      });
  std::vector<FrameWindow> ended (std::make_move_iterator (open_.begin ()),
      std::make_move_iterator (going_on));
  open_.erase (open_.begin (), going_on);
  return ended;
}

bool
WindowBuilder::newer (guint64 index) const
{
  if (!newest_)
    return true;
  return reverse_ ? index < *newest_ : index > *newest_;
}

void
WindowBuilder::open (guint64 index, const Shape &shape)
{
  if (!newer (index))
    return;
  FrameWindow window;
  window.index = index;
  window.start = origin_ + index * shape.step;
  window.end = window.start + shape.length;
  window.taken.resize (shape.parts);
  open_.push_back (std::move (window));
  newest_ = index;
}

std::vector<FrameWindow *>
WindowBuilder::needing (GstClockTime pts)
{
  std::vector<FrameWindow *> out;
  for (FrameWindow &window : open_)
    if (holds (window, pts) && !window.taken[part_of (window, pts)])
      out.push_back (&window);
  return out;
}

bool
WindowBuilder::needs (GstClockTime pts, const Shape &shape)
{
  if (pts < origin_)
    return false;
  const GstClockTime place = pts - origin_;
  const guint64 last = place / shape.step;
  const guint64 first =
      place < shape.length ? 0 : (place - shape.length) / shape.step + 1;
  for (guint64 i = 0; i <= last - first; ++i)
    open (reverse_ ? last - i : first + i, shape);
  return !needing (pts).empty ();
}

void
WindowBuilder::add (const Picture &picture)
{
  for (FrameWindow * window : needing (picture.pts)) {
    window->taken[part_of (*window, picture.pts)] = true;
    auto &pictures = window->pictures;
    const auto place = std::upper_bound (pictures.begin (), pictures.end (),
        picture.pts,
        [] (GstClockTime pts, const Picture &each) { return pts < each.pts; });
    pictures.insert (place, picture);
  }
}

void
WindowBuilder::add_error (GstClockTime pts, const std::exception_ptr &error)
{
  for (FrameWindow * window : needing (pts))
    window->error = error;
}

std::optional<GstClockTime>
WindowBuilder::oldest_start () const
{
  if (open_.empty ())
    return std::nullopt;
  return open_.front ().start;
}

} // namespace gstvlm
