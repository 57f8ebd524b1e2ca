// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/text/stickyevents.h"

#include <algorithm>
#include <utility>

namespace gstvlm
{
namespace
{

bool
is_void_after (GstEvent * older, GstEvent * newer)
{
  if (is_replaced_by (older, newer))
    return true;
  const GstEventType type = GST_EVENT_TYPE (older);
  switch (GST_EVENT_TYPE (newer)) {
    case GST_EVENT_STREAM_START:
      return true;
    case GST_EVENT_SEGMENT:
      return type == GST_EVENT_EOS || type == GST_EVENT_STREAM_GROUP_DONE ||
             (type == GST_EVENT_INSTANT_RATE_CHANGE &&
                 gst_event_get_seqnum (older) != gst_event_get_seqnum (newer));
    default:
      return false;
  }
}

} // namespace

bool
is_replaced_by (GstEvent * older, GstEvent * newer)
{
  if (!GST_EVENT_IS_STICKY (older) ||
      GST_EVENT_TYPE (older) != GST_EVENT_TYPE (newer))
    return false;
  return !(GST_EVENT_TYPE (older) & GST_EVENT_TYPE_STICKY_MULTI) ||
         gst_event_has_name (
             newer, gst_structure_get_name (gst_event_get_structure (older)));
}

bool
survives_flush (GstEvent * event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEGMENT:
    case GST_EVENT_EOS:
    case GST_EVENT_STREAM_GROUP_DONE:
    case GST_EVENT_INSTANT_RATE_CHANGE:
      return false;
    default:
      return GST_EVENT_IS_STICKY (event);
  }
}

void
StickyEvents::add (Ptr<GstEvent> event)
{
  events_.erase (std::remove_if (events_.begin (), events_.end (),
                     [&event] (const Ptr<GstEvent> &older) {
                       return is_void_after (older.get (), event.get ());
                     }),
      events_.end ());
  events_.push_back (std::move (event));
}

void
StickyEvents::flush ()
{
  events_.erase (std::remove_if (events_.begin (), events_.end (),
                     [] (const Ptr<GstEvent> &each) {
                       return !survives_flush (each.get ());
                     }),
      events_.end ());
}

bool
StickyEvents::has (GstEventType type) const
{
  return std::any_of (
      events_.begin (), events_.end (), [type] (const Ptr<GstEvent> &each) {
        return GST_EVENT_TYPE (each.get ()) == type;
      });
}

std::deque<Ptr<GstEvent>>
StickyEvents::take ()
{
  return std::exchange (events_, {});
}

} // namespace gstvlm
