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

void
TextOutlet::queue_event (GstEvent * event)
{
  if (TextQueue * to = queue ())
    to->event (Ptr<GstEvent> (gst_event_ref (event)));
}

bool
TextOutlet::attach (GstVlmTextPad * pad)
{
  Guard lock (mutex_);
  if (pad_)
    return false;
  pad_.reset (GST_PAD (gst_object_ref (pad)));
  if (stream_start_)
    queue_event (stream_start_.get ());
  if (segment_)
    queue_event (segment_.get ());
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
TextOutlet::stream_start (GstEvent * event)
{
  Guard lock (mutex_);
  stream_start_ = sparse_stream_start (event, suffix_);
  segment_.reset ();
  queue_event (stream_start_.get ());
}

void
TextOutlet::segment (GstEvent * event)
{
  Guard lock (mutex_);
  segment_.reset (gst_event_ref (event));
  queue_event (event);
}

void
TextOutlet::end (GstEvent * event)
{
  Guard lock (mutex_);
  queue_event (event);
}

void
TextOutlet::flush (GstEvent * event)
{
  {
    Guard lock (mutex_);
    segment_.reset ();
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
  stream_start_.reset ();
  segment_.reset ();
}

} // namespace gstvlm
