// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/promptqueue.h"

#include "gst-plugin/text/stickyevents.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gstvlm
{
namespace
{

using Kind = PromptItem::Kind;

bool
is_prompt (const PromptItem &item)
{
  return item.kind != Kind::Gap && item.kind != Kind::Event;
}

bool
is_flushed (const PromptItem &item)
{
  return item.kind != Kind::Event || !survives_flush (item.event.get ());
}

} // namespace

size_t
PromptQueue::waiting (bool called) const
{
  return std::count_if (
      items_.begin (), items_.end (), [called] (const PromptItem &item) {
        return item.kind == Kind::Waiting && item.prompt.called == called;
      });
}

GstFlowReturn
PromptQueue::admit (
    Prompt prompt, size_t size, Policy policy, std::optional<Prompt> &dropped)
{
  std::unique_lock<std::mutex> lock (mutex_);
  const auto full = [&] { return waiting (false) >= size; };
  if (policy == Policy::Block)
    changed_.wait (lock, [&] { return halted () || !full (); });
  if (halted ())
    return flow ();
  ++counters_.prompts;
  PromptItem item (Kind::Waiting);
  item.prompt = std::move (prompt);
  items_.push_back (std::move (item));
  changed_.notify_all ();
  if (waiting (false) <= size)
    return GST_FLOW_OK;
  const auto oldest =
      std::find_if (items_.begin (), items_.end (), [] (const PromptItem &i) {
        return i.kind == Kind::Waiting && !i.prompt.called;
      });
  const auto chosen =
      policy == Policy::DropNewest ? std::prev (items_.end ()) : oldest;
  dropped = chosen->prompt;
  ++counters_.dropped;
  leave_out (chosen);
  return GST_FLOW_OK;
}

const char *
PromptQueue::call (Prompt prompt, size_t most)
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (halted ())
    return "the element does not run";
  if (ended_)
    return "the stream has ended";
  if (waiting (true) >= most)
    return "max-pending prompts wait already";
  ++counters_.prompts;
  PromptItem item (Kind::Waiting);
  item.prompt = std::move (prompt);
  item.prompt.called = true;
  items_.push_back (std::move (item));
  changed_.notify_all ();
  return nullptr;
}

// A GAP takes its place, one with the GAPs on both sides: what is left out must
// not pile up.
void
PromptQueue::leave_out (std::deque<PromptItem>::iterator item)
{
  const Prompt prompt = std::move (item->prompt);
  const bool dated = GST_CLOCK_TIME_IS_VALID (prompt.pts) &&
                     GST_CLOCK_TIME_IS_VALID (prompt.duration);
  if (!dated) {
    items_.erase (item);
    return;
  }
  *item = PromptItem (Kind::Gap);
  item->start = prompt.pts;
  item->end = prompt.pts + prompt.duration;
  const auto merge = [this] (std::deque<PromptItem>::iterator first) {
    const auto second = std::next (first);
    if (first->kind != Kind::Gap || second->kind != Kind::Gap)
      return;
    first->start = std::min (first->start, second->start);
    first->end = std::max (first->end, second->end);
    items_.erase (second);
  };
  const auto place = std::distance (items_.begin (), item);
  if (std::next (item) != items_.end ())
    merge (item);
  if (place > 0)
    merge (items_.begin () + place - 1);
}

void
PromptQueue::gap (GstClockTime start, GstClockTime end)
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (halted ())
    return;
  if (!items_.empty () && items_.back ().kind == Kind::Gap) {
    items_.back ().start = std::min (items_.back ().start, start);
    items_.back ().end = std::max (items_.back ().end, end);
    return;
  }
  PromptItem item (Kind::Gap);
  item.start = start;
  item.end = end;
  items_.push_back (std::move (item));
  changed_.notify_all ();
}

void
PromptQueue::event (Ptr<GstEvent> event)
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (halted ())
    return;
  if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_EOS)
    ended_ = true;
  if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_STREAM_START)
    ended_ = false;
  PromptItem item (Kind::Event);
  item.event = std::move (event);
  items_.push_back (std::move (item));
  changed_.notify_all ();
}

std::optional<PromptQueue::Given>
PromptQueue::take (GstClockTime passed, std::vector<Prompt> &late)
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (!painter_ || width_ == 0)
    return std::nullopt;
  for (;;) {
    const auto item = std::find_if (items_.begin (), items_.end (), is_prompt);
    if (item == items_.end () || item->kind != Kind::Waiting)
      return std::nullopt;
    Prompt &prompt = item->prompt;
    if (GST_CLOCK_TIME_IS_VALID (prompt.over) && prompt.over <= passed) {
      late.push_back (prompt);
      ++counters_.late;
      leave_out (item);
      changed_.notify_all ();
      continue;
    }
    item->kind = Kind::Painting;
    prompt.request.prompt = prompt.text;
    prompt.request.width = width_;
    prompt.request.height = height_;
    changed_.notify_all (); // there is room
    return Given{prompt, item->cancel};
  }
}

std::deque<PromptItem>::iterator
PromptQueue::painted (guint64 id)
{
  return std::find_if (
      items_.begin (), items_.end (), [id] (const PromptItem &i) {
        return i.kind == Kind::Painting && i.prompt.id == id;
      });
}

void
PromptQueue::deliver (guint64 id, const std::function<void ()> &show)
{
  std::unique_lock<std::mutex> lock (mutex_);
  // Busy: a painter of before has not noticed yet that it was cancelled.
  if (painted (id) == items_.end () || deliverer_.busy ())
    return;
  const Deliverer::Turn turn (deliverer_);
  const Deliverer::Unlocked open (lock);
  show ();
}

void
PromptQueue::settle (guint64 id, std::unique_ptr<vlm::Painting> painting,
    std::exception_ptr error, std::chrono::nanoseconds taken)
{
  std::lock_guard<std::mutex> lock (mutex_);
  const auto item = painted (id);
  if (item == items_.end ())
    return;
  item->kind = Kind::Settled;
  item->painting = std::move (painting);
  item->error = std::move (error);
  if (item->painting) {
    ++counters_.painted;
    counters_.last_time = taken.count ();
    counters_.total_time += taken.count ();
  } else {
    ++counters_.failed;
  }
  changed_.notify_all ();
}

// Whether next() has something to say about the first item.
bool
PromptQueue::ready () const
{
  if (items_.empty ())
    return false;
  const Kind kind = items_.front ().kind;
  if (kind == Kind::Event)
    return true;
  return painter_ &&
         (width_ == 0 || kind == Kind::Gap || kind == Kind::Settled);
}

PromptQueue::Next
PromptQueue::next (
    PromptItem &out, std::optional<std::chrono::milliseconds> patience)
{
  std::unique_lock<std::mutex> lock (mutex_);
  const auto awaited = [this] { return halted () || flushed_ || ready (); };
  if (!patience)
    changed_.wait (lock, awaited);
  else if (!changed_.wait_for (lock, *patience, awaited))
    return Next::Later;
  if (halted ())
    return Next::Halted;
  if (std::exchange (flushed_, false))
    return Next::Flushed;
  if (items_.front ().kind != Kind::Event && width_ == 0)
    return Next::Unsized;
  out = std::move (items_.front ());
  items_.pop_front ();
  return Next::Item;
}

void
PromptQueue::set_painter_ready ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  painter_ = true;
  changed_.notify_all ();
}

void
PromptQueue::set_painter_failed ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  failed_ = true;
  forget ();
}

void
PromptQueue::set_size (int width, int height)
{
  std::lock_guard<std::mutex> lock (mutex_);
  width_ = width;
  height_ = height;
  changed_.notify_all ();
}

void
PromptQueue::forget (bool (*which) (const PromptItem &))
{
  for (const PromptItem &item : items_) {
    counters_.flushed += is_prompt (item);
    item.cancel.cancel ();
  }
  if (which)
    items_.erase (
        std::remove_if (items_.begin (), items_.end (), which), items_.end ());
  else
    items_.clear ();
  ended_ = false;
  changed_.notify_all ();
}

void
PromptQueue::set_flushing (bool flushing)
{
  std::lock_guard<std::mutex> lock (mutex_);
  flow_ = flushing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
  flushed_ = !flushing;
  forget (is_flushed);
}

void
PromptQueue::finish (GstFlowReturn flow)
{
  std::lock_guard<std::mutex> lock (mutex_);
  if (flow_ == GST_FLOW_OK)
    flow_ = flow;
  forget ();
}

// The element and its pad both stop it: handlers are waited for once.
void
PromptQueue::stop ()
{
  std::unique_lock<std::mutex> lock (mutex_);
  if (std::exchange (stopped_, true))
    return;
  forget ();
  deliverer_.wait (lock);
}

void
PromptQueue::start ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  counters_ = Counters ();
  flow_ = GST_FLOW_OK;
  stopped_ = painter_ = failed_ = flushed_ = false;
  width_ = height_ = 0;
}

PromptQueue::Counters
PromptQueue::counters ()
{
  std::lock_guard<std::mutex> lock (mutex_);
  counters_.waiting = waiting (false) + waiting (true);
  return counters_;
}

} // namespace gstvlm
