// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/text/textoutlet.h"

#include "gst-plugin/base/sparsestream.h"

namespace gstvlm
{
namespace
{

using Guard = std::lock_guard<std::mutex>;

TextQueue &
queue_of (GstPad * pad)
{
  return gst_vlm_text_pad_get_queue (GST_VLM_TEXT_PAD (pad));
}

} // namespace

TextQueue *
TextOutlet::queue () const
{
  return pad_ ? &queue_of (pad_.get ()) : nullptr;
}

// What is not serialised is not queued: it is left on a pad that comes late.
bool
TextOutlet::attach (GstVlmTextPad * pad)
{
  Guard lock (mutex_);
  if (pad_)
    return false;
  pad_.reset (GST_PAD (gst_object_ref (pad)));
  for (const Ptr<GstEvent> &each : sticky_.all ())
    if (GST_EVENT_IS_SERIALIZED (each.get ()))
      queue ()->event (Ptr<GstEvent> (gst_event_ref (each.get ())));
    else
      gst_pad_store_sticky_event (GST_PAD (pad), each.get ());
  return true;
}

void
TextOutlet::detach ()
{
  Ptr<GstPad> pad; // let go without the lock
  Guard lock (mutex_);
  pad.swap (pad_);
}

Ptr<GstPad>
TextOutlet::pad () const
{
  Guard lock (mutex_);
  return Ptr<GstPad> (pad_ ? GST_PAD (gst_object_ref (pad_.get ())) : nullptr);
}

void
TextOutlet::add (GstEvent * event)
{
  Guard lock (mutex_);
  if (GST_EVENT_IS_STICKY (event))
    sticky_.add (Ptr<GstEvent> (gst_event_ref (event)));
  if (!GST_EVENT_IS_SERIALIZED (event))
    return;
  if (TextQueue * to = queue ())
    to->event (Ptr<GstEvent> (gst_event_ref (event)));
}

void
TextOutlet::stream_start (GstEvent * event)
{
  add (sparse_stream_start (event, suffix_).get ());
}

void
TextOutlet::pass (GstEvent * event)
{
  add (event);
  if (GST_EVENT_IS_SERIALIZED (event))
    return;
  if (const Ptr<GstPad> text = pad ())
    gst_pad_push_event (text.get (), gst_event_ref (event));
}

void
TextOutlet::flush (GstEvent * event)
{
  {
    Guard lock (mutex_);
    sticky_.flush ();
  }
  if (const Ptr<GstPad> text = pad ())
    gst_vlm_text_pad_flush (
        GST_VLM_TEXT_PAD (text.get ()), gst_event_ref (event));
}

guint64
TextOutlet::reserve (TextPlace place)
{
  Guard lock (mutex_);
  TextQueue * to = queue ();
  return to ? to->reserve (place) : 0;
}

bool
TextOutlet::fill (
    guint64 ticket, const std::string &text, GstClockTime pts, GstClockTime end)
{
  Guard lock (mutex_);
  TextQueue * to = queue ();
  return !to || to->fill (ticket, text, pts, end);
}

void
TextOutlet::release (guint64 ticket)
{
  Guard lock (mutex_);
  if (TextQueue * to = queue ())
    to->release (ticket);
}

void
TextOutlet::gap (GstClockTime start, GstClockTime end)
{
  Guard lock (mutex_);
  if (TextQueue * to = queue ())
    to->gap (start, end);
}

void
TextOutlet::wait_for_room ()
{
  if (const Ptr<GstPad> text = pad ())
    queue_of (text.get ()).wait_for_room ();
}

void
TextOutlet::stop ()
{
  Guard lock (mutex_);
  if (TextQueue * to = queue ())
    to->stop ();
  sticky_.clear ();
}

} // namespace gstvlm
