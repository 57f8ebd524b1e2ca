// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/text/textqueue.h"

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
  if (items_.size () <= kCapacity || place->place == TextPlace::Kept)
    return true;
  const auto oldest = std::find_if (items_.begin (), items_.end (),
      [] (const TextItem &i) { return i.kind == TextItem::Kind::Text; });
  remove (oldest);
  return false;
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

bool
TextQueue::next (TextItem &out)
{
  std::unique_lock<std::mutex> lock (mutex_);
  auto item = items_.end ();
  changed_.wait (lock,
      [&] { return halted () || (item = first_ready ()) != items_.end (); });
  if (halted ())
    return false;
  out = std::move (*item);
  items_.erase (item);
  changed_.notify_all ();
  return true;
}

std::deque<Ptr<GstEvent>>
TextQueue::set_flushing (bool flushing)
{
  std::deque<Ptr<GstEvent>> sticky;
  std::lock_guard<std::mutex> lock (mutex_);
  flushing_ = flushing;
  for (TextItem &item : items_) {
    if (item.kind != TextItem::Kind::Event)
      continue;
    const GstEventType type = GST_EVENT_TYPE (item.event.get ());
    if (GST_EVENT_IS_STICKY (item.event.get ()) && type != GST_EVENT_SEGMENT &&
        type != GST_EVENT_EOS)
      sticky.push_back (std::move (item.event));
  }
  items_.clear ();
  changed_.notify_all ();
  return sticky;
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
  flushing_ = stopped_ = false;
}

} // namespace gstvlm
