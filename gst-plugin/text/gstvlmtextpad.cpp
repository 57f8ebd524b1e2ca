// SPDX-License-Identifier: LGPL-2.1-or-later

// A source pad with a task of its own, so that text and video never wait for
// each other. The task pushes what its queue holds, and keeps time: positions
// never go back, every caption has a duration, and what is not text is covered
// by GAP events.

#include "gst-plugin/text/gstvlmtextpad.h"

#include <new>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

using gstvlm::Ptr;
using gstvlm::TextItem;
using gstvlm::TextQueue;

namespace
{

// Touched by the task, and by others only while the task is stopped.
struct Stream {
  GstSegment segment;
  GstClockTime position = GST_CLOCK_TIME_NONE; ///< covered up to here
  bool discontinuity = true;
  bool ended = false;  ///< downstream wants no more
  bool failed = false; ///< ... and an error was posted
  bool warned = false;
  Ptr<GstEvent> waiting_segment; ///< of a pad without caps

  Stream () { gst_segment_init (&segment, GST_FORMAT_TIME); }
};

} // namespace

struct _GstVlmTextPad {
  GstPad parent;
  TextQueue * queue;
  Stream * stream;
  gboolean markup; // the caps say pango-markup
  gboolean whole;  // the caps are of records: none is left out
};

G_DEFINE_TYPE (GstVlmTextPad, gst_vlm_text_pad, GST_TYPE_PAD)

TextQueue &
gst_vlm_text_pad_get_queue (GstVlmTextPad * self)
{
  return *self->queue;
}

// The first of the template's caps that the peer takes.
static Ptr<GstCaps>
gst_vlm_text_pad_choose_caps (GstVlmTextPad * self)
{
  const Ptr<GstCaps> own (gst_pad_get_pad_template_caps (GST_PAD (self)));
  const Ptr<GstCaps> allowed (
      gst_pad_peer_query_caps (GST_PAD (self), own.get ()));
  for (guint i = 0; i < gst_caps_get_size (own.get ()); ++i) {
    Ptr<GstCaps> each (gst_caps_copy_nth (own.get (), i));
    if (gst_caps_can_intersect (each.get (), allowed.get ()))
      return each;
  }
  return nullptr;
}

// Asks again when the peer changed. The SEGMENT that came before there was a
// peer follows the caps.
static gboolean
gst_vlm_text_pad_negotiate (GstVlmTextPad * self)
{
  GstPad * pad = GST_PAD (self);
  if (!gst_pad_check_reconfigure (pad) && gst_pad_has_current_caps (pad))
    return TRUE;
  const Ptr<GstCaps> caps = gst_vlm_text_pad_choose_caps (self);
  if (!caps) {
    gst_pad_mark_reconfigure (pad);
    return FALSE;
  }
  const GstStructure * form = gst_caps_get_structure (caps.get (), 0);
  self->markup = g_strcmp0 (gst_structure_get_string (form, "format"),
                     "pango-markup") == 0;
  self->whole = !gst_structure_has_name (form, "text/x-raw");
  const Ptr<GstCaps> before (gst_pad_get_current_caps (pad));
  if (before && gst_caps_is_equal (before.get (), caps.get ()))
    return TRUE;
  // A refusal shows in the flow of the next buffer, where a peer that merely
  // shuts down differs.
  gst_pad_push_event (pad, gst_event_new_caps (caps.get ()));
  if (self->stream->waiting_segment)
    gst_pad_push_event (pad, self->stream->waiting_segment.release ());
  return TRUE;
}

// To the nearest moment of the segment: sinks drop what lies outside.
static GstClockTime
into_segment (const GstSegment &segment, GstClockTime time)
{
  if (GST_CLOCK_TIME_IS_VALID (segment.stop) && time >= segment.stop)
    time = segment.stop - MIN (segment.stop, 1);
  return MAX (time, segment.start);
}

static GstFlowReturn
gst_vlm_text_pad_push_text (GstVlmTextPad * self, const TextItem &item)
{
  Stream &stream = *self->stream;
  const bool forward = stream.segment.rate > 0;
  GstClockTime pts = item.pts, end = item.end;
  if (forward && GST_CLOCK_TIME_IS_VALID (stream.position) &&
      pts < stream.position) {
    const bool floats = item.place == gstvlm::TextPlace::Floating;
    if (!floats && !stream.warned)
      GST_WARNING_OBJECT (self, "video timestamps went back: text is shifted");
    stream.warned |= !floats;
    end = stream.position + (end - pts);
    pts = stream.position;
  }
  if (!gst_segment_clip (
          &stream.segment, GST_FORMAT_TIME, pts, end, &pts, &end)) {
    if (!self->whole)
      return GST_FLOW_OK;
    pts = end = into_segment (stream.segment, pts);
  }
  gchar * text = self->markup ? g_markup_escape_text (item.text.c_str (), -1)
                              : g_strdup (item.text.c_str ());
  GstBuffer * buffer = gst_buffer_new_wrapped (text, strlen (text));
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = end - pts;
  if (stream.discontinuity)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  stream.discontinuity = false;
  const bool covered = forward && GST_CLOCK_TIME_IS_VALID (stream.position);
  stream.position = covered ? MAX (stream.position, pts) : pts;
  return gst_pad_push (GST_PAD (self), buffer);
}

static void
gst_vlm_text_pad_push_gap (GstVlmTextPad * self, const TextItem &item)
{
  Stream &stream = *self->stream;
  GstClockTime start = item.pts;
  if (stream.segment.rate > 0 && GST_CLOCK_TIME_IS_VALID (stream.position))
    start = stream.position;
  if (start >= item.end)
    return;
  stream.position = item.end;
  gst_pad_push_event (
      GST_PAD (self), gst_event_new_gap (start, item.end - start));
}

static void
gst_vlm_text_pad_push_event (GstVlmTextPad * self, Ptr<GstEvent> event)
{
  Stream &stream = *self->stream;
  if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_STREAM_START)
    stream = Stream ();
  if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_SEGMENT) {
    gst_event_copy_segment (event.get (), &stream.segment);
    stream.position = stream.segment.start;
    if (!gst_pad_has_current_caps (GST_PAD (self))) {
      stream.waiting_segment = std::move (event);
      return;
    }
  }
  gst_pad_push_event (GST_PAD (self), event.release ());
}

static bool
opens_stream (const TextItem &item)
{
  return item.kind == TextItem::Kind::Event &&
         GST_EVENT_TYPE (item.event.get ()) == GST_EVENT_STREAM_START;
}

// Without a peer there is nobody to agree on caps with: only what a later one
// must know goes into the pad.
static GstFlowReturn
gst_vlm_text_pad_push (GstVlmTextPad * self, TextItem &item)
{
  const bool linked = gst_pad_is_linked (GST_PAD (self));
  if (linked && !opens_stream (item) && !gst_vlm_text_pad_negotiate (self))
    return gst_pad_is_linked (GST_PAD (self)) ? GST_FLOW_NOT_NEGOTIATED
                                              : GST_FLOW_NOT_LINKED;
  if (item.kind == TextItem::Kind::Event)
    gst_vlm_text_pad_push_event (self, std::move (item.event));
  else if (!linked)
    return GST_FLOW_NOT_LINKED;
  else if (item.kind == TextItem::Kind::Text)
    return gst_vlm_text_pad_push_text (self, item);
  else
    gst_vlm_text_pad_push_gap (self, item);
  return GST_FLOW_OK;
}

// One item per call. After an error or the end downstream, items are thrown
// away until the next flush or stream, after the end also until another peer is
// linked: one that shuts down may say EOS to the last buffer. A branch that is
// flushing or not linked misses what comes meanwhile.
static void
gst_vlm_text_pad_loop (gpointer user_data)
{
  GstVlmTextPad * self = GST_VLM_TEXT_PAD (user_data);
  Stream &stream = *self->stream;
  TextItem item;
  if (!self->queue->next (item)) {
    gst_pad_pause_task (GST_PAD (self));
    return;
  }
  if (stream.ended && !stream.failed)
    stream.ended = !gst_pad_needs_reconfigure (GST_PAD (self));
  if (stream.ended && !opens_stream (item))
    return;
  const GstFlowReturn flow = gst_vlm_text_pad_push (self, item);
  if (flow == GST_FLOW_EOS)
    stream.ended = true;
  if (flow == GST_FLOW_NOT_NEGOTIATED || flow <= GST_FLOW_ERROR) {
    stream.ended = stream.failed = true;
    GstElement * element = gst_pad_get_parent_element (GST_PAD (self));
    if (element)
      GST_ELEMENT_FLOW_ERROR (element, flow);
    g_clear_pointer (&element, gst_object_unref);
  }
}

static gboolean
gst_vlm_text_pad_start (GstVlmTextPad * self)
{
  return gst_pad_start_task (GST_PAD (self), gst_vlm_text_pad_loop, self, NULL);
}

void
gst_vlm_text_pad_flush (GstVlmTextPad * self, GstEvent * event)
{
  GstPad * pad = GST_PAD (self);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START) {
    for (Ptr<GstEvent> &sticky : self->queue->set_flushing (true))
      gst_pad_store_sticky_event (pad, sticky.get ());
    gst_pad_push_event (pad, event);
    gst_pad_pause_task (pad);
    return;
  }
  gst_pad_push_event (pad, event);
  *self->stream = Stream ();
  self->queue->set_flushing (false);
  if (gst_pad_is_active (pad))
    gst_vlm_text_pad_start (self);
}

static gboolean
gst_vlm_text_pad_activate_mode (
    GstPad * pad, GstObject *, GstPadMode mode, gboolean active)
{
  GstVlmTextPad * self = GST_VLM_TEXT_PAD (pad);
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (!active) {
    self->queue->stop ();
    return gst_pad_stop_task (pad);
  }
  *self->stream = Stream ();
  self->queue->start ();
  return gst_vlm_text_pad_start (self);
}

static void
gst_vlm_text_pad_finalize (GObject * object)
{
  GstVlmTextPad * self = GST_VLM_TEXT_PAD (object);
  delete self->queue;
  delete self->stream;
  G_OBJECT_CLASS (gst_vlm_text_pad_parent_class)->finalize (object);
}

static void
gst_vlm_text_pad_class_init (GstVlmTextPadClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_vlm_text_pad_finalize;
}

static void
gst_vlm_text_pad_init (GstVlmTextPad * self)
{
  self->queue = new TextQueue ();
  self->stream = new Stream ();
  gst_pad_set_activatemode_function (
      GST_PAD (self), gst_vlm_text_pad_activate_mode);
}
