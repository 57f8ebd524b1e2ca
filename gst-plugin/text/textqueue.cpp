// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/text/textqueue.h"

#include "gst-plugin/text/stickyevents.h"

#include <algorithm>
#include <atomic>
#include <iterator>

namespace gstvlm
{
namespace
{

// A consumer may want text far ahead of video; beyond this it does not read at
// all.
constexpr size_t kCapacity = 256;

// Unique in the process: a place of a released pad is unknown to the next pad.
std::atomic<guint64> last_ticket{0};

bool
is_gap (const TextItem &item)
{
  return item.kind == TextItem::Kind::Gap;
}

bool
is_droppable_text (const TextItem &item)
{
  return item.kind == TextItem::Kind::Text && item.place != TextPlace::Kept;
}

bool
is_passing_event (const TextItem &item)
{
  return item.event && !GST_EVENT_IS_STICKY (item.event.get ());
}

bool
is_replaced (const TextItem &older, const TextItem &newer)
{
  return older.event && newer.event &&
         is_replaced_by (older.event.get (), newer.event.get ());
}

bool
is_flushed (const TextItem &item)
{
  return !item.event || !survives_flush (item.event.get ());
}

} // namespace

void
TextQueue::push (TextItem item)
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (halted ())
    return;
  items_.push_back (std::move (item));
  changed_.notify_all ();
}

guint64
TextQueue::reserve (TextPlace place)
{
  TextItem item{TextItem::Kind::Pending};
  const guint64 ticket = item.ticket = ++last_ticket;
  item.place = place;
  push (std::move (item));
  return ticket;
}

// The GAPs on both sides become one: what nobody reads must not pile up.
void
TextQueue::remove (std::deque<TextItem>::iterator place)
{
  const auto next = items_.erase (place);
  if (next == items_.begin () || next == items_.end ())
    return;
  TextItem &before = *std::prev (next);
  if (before.kind != TextItem::Kind::Gap || next->kind != TextItem::Kind::Gap)
    return;
  before.pts = std::min (before.pts, next->pts);
  before.end = std::max (before.end, next->end);
  items_.erase (next);
}

bool
TextQueue::remove_oldest (bool (*kind) (const TextItem &))
{
  const auto oldest = std::find_if (items_.begin (), items_.end (), kind);
  if (oldest == items_.end ())
    return false;
  remove (oldest);
  return true;
}

// A sticky event that another one follows without any text between them, and
// the GAPs that are only of the segment that ends so.
bool
TextQueue::remove_replaced ()
{
  using Kind = TextItem::Kind;
  for (auto newer = items_.begin (); newer != items_.end (); ++newer)
    for (auto older = newer; older != items_.begin ();) {
      --older;
      if (older->kind == Kind::Pending || older->kind == Kind::Text)
        break;
      if (!is_replaced (*older, *newer))
        continue;
      if (GST_EVENT_TYPE (older->event.get ()) == GST_EVENT_SEGMENT) {
        older->kind = Kind::Gap;
        items_.erase (std::remove_if (older, newer, is_gap), newer);
      } else {
        remove (older);
      }
      return true;
    }
  return false;
}

std::deque<TextItem>::iterator
TextQueue::find (guint64 ticket)
{
  return std::find_if (items_.begin (), items_.end (), [&] (const TextItem &i) {
    return i.kind == TextItem::Kind::Pending && i.ticket == ticket;
  });
}

bool
TextQueue::fill (
    guint64 ticket, const std::string &text, GstClockTime pts, GstClockTime end)
{
  std::lock_guard<std::mutex> lock (mutex_);
  const auto place = find (ticket);
  if (place == items_.end ())
    return true;
  place->kind = TextItem::Kind::Text;
  place->text = text;
  place->pts = pts;
  place->end = end;
  changed_.notify_all ();
  bool room = true;
  while (items_.size () > kCapacity && remove_oldest (is_droppable_text))
    room = false;
  return room;
}

void
TextQueue::release (guint64 ticket)
{
  std::lock_guard<std::mutex> lock (mutex_);
  const auto place = find (ticket);
  if (place == items_.end ())
    return;
  remove (place);
  changed_.notify_all ();
}

void
TextQueue::gap (GstClockTime start, GstClockTime end)
{
  TextItem item{TextItem::Kind::Gap};
  item.pts = start;
  item.end = end;
  {
    std::lock_guard<std::mutex> lock (mutex_);
    if (!items_.empty () && items_.back ().kind == TextItem::Kind::Gap) {
      items_.back ().pts = std::min (items_.back ().pts, start);
      items_.back ().end = std::max (items_.back ().end, end);
      return;
    }
  }
  push (std::move (item));
}

void
TextQueue::event (Ptr<GstEvent> event)
{
  TextItem item{TextItem::Kind::Event};
  item.event = std::move (event);
  push (std::move (item));
  std::lock_guard<std::mutex> lock (mutex_);
  while (items_.size () > kCapacity &&
         (remove_replaced () || remove_oldest (is_passing_event)))
    ;
}

void
TextQueue::wait_for_room ()
{
  std::unique_lock<std::mutex> lock (mutex_);
  changed_.wait (
      lock, [this] { return halted () || items_.size () < kCapacity; });
}

// The first item, or the first GAP behind places that let GAPs overtake.
std::deque<TextItem>::iterator
TextQueue::first_ready ()
{
  auto item = items_.begin ();
  while (item != items_.end () && item->kind == TextItem::Kind::Pending &&
         item->place == TextPlace::Floating)
    ++item;
  if (item == items_.end () || item->kind == TextItem::Kind::Pending)
    return items_.end ();
  const bool overtakes = item != items_.begin ();
  return overtakes && item->kind != TextItem::Kind::Gap ? items_.end () : item;
}

TextQueue::Next
TextQueue::next (
    TextItem &out, std::optional<std::chrono::milliseconds> patience)
{
  std::unique_lock<std::mutex> lock (mutex_);
  auto item = items_.end ();
  const auto awaited = [&] {
    return halted () || (item = first_ready ()) != items_.end ();
  };
  if (!patience)
    changed_.wait (lock, awaited);
  else if (!changed_.wait_for (lock, *patience, awaited)) {
    busy_ = true; // with telling a late reader of the end
    return Next::Later;
  }
  if (halted ())
    return Next::Halted;
  out = std::move (*item);
  items_.erase (item);
  busy_ = true;
  changed_.notify_all ();
  return Next::Item;
}

void
TextQueue::done ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  busy_ = false;
  changed_.notify_all ();
}

bool
TextQueue::wait_idle (std::chrono::milliseconds patience)
{
  std::unique_lock<std::mutex> lock (mutex_);
  return changed_.wait_for (lock, patience, [this] { return !busy_; });
}

void
TextQueue::set_flushing (bool flushing)
{
  std::lock_guard<std::mutex> lock (mutex_);
  flushing_ = flushing;
  items_.erase (std::remove_if (items_.begin (), items_.end (), is_flushed),
      items_.end ());
  if (!flushing)
    items_.emplace_front (TextItem::Kind::Flushed);
  changed_.notify_all ();
}

void
TextQueue::stop ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  stopped_ = true;
  items_.clear ();
  changed_.notify_all ();
}

void
TextQueue::start ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  flushing_ = stopped_ = busy_ = false;
}

} // namespace gstvlm
