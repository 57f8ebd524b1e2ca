// SPDX-License-Identifier: LGPL-2.1-or-later

// A source pad with a task of its own, so that text and video never wait for
// each other. The task pushes what its queue holds, and keeps time: positions
// never go back, every caption has a duration, and what is not text is covered
// by GAP events.

#include "gst-plugin/text/gstvlmtextpad.h"

#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/text/stickyevents.h"

#include <new>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

using gstvlm::Ptr;
using gstvlm::TextItem;
using gstvlm::TextQueue;

namespace
{

using std::chrono::milliseconds;

// How often it is tried whether somebody is there to hear of the end.
constexpr milliseconds kTick (100);
// A reader that takes longer holds a buffer back: a sink does in PAUSED.
constexpr milliseconds kReaderPatience (100);

// Touched by the task, and by others only while the task is stopped.
struct Stream {
  GstSegment segment;
  GstClockTime position = GST_CLOCK_TIME_NONE; ///< covered up to here
  bool placed = false; ///< the segment is downstream's, too
  bool discontinuity = true;
  bool ended = false;                  ///< downstream wants no more
  bool failed = false;                 ///< ... and an error was posted
  guint32 seqnum = GST_SEQNUM_INVALID; ///< of the segment
  gstvlm::StickyEvents waiting;        ///< for caps, an EOS for a reader

  Stream () { gst_segment_init (&segment, GST_FORMAT_TIME); }
};

} // namespace

struct _GstVlmTextPad {
  GstPad parent;
  TextQueue * queue;
  Stream * stream;
  gboolean markup; // the caps say pango-markup
  gboolean whole;  // the caps are of records: none is left out
  gboolean warned; // that text is shifted; the task's, as the stream
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

static GstEvent *
gst_vlm_text_pad_stamp (GstVlmTextPad * self, GstEvent * event)
{
  if (self->stream->seqnum != GST_SEQNUM_INVALID)
    gst_event_set_seqnum (event, self->stream->seqnum);
  return event;
}

// Asks again when the peer changed.
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
  gst_pad_push_event (
      pad, gst_vlm_text_pad_stamp (self, gst_event_new_caps (caps.get ())));
  return TRUE;
}

// An EOS is heard once only, and nothing comes after it that would have it sent
// again: it waits for a reader that has started.
static bool
gst_vlm_text_pad_has_reader (GstVlmTextPad * self)
{
  const Ptr<GstPad> peer (gst_pad_get_peer (GST_PAD (self)));
  if (!peer)
    return false;
  GST_OBJECT_LOCK (peer.get ());
  const bool flushing = GST_PAD_IS_FLUSHING (peer.get ());
  GST_OBJECT_UNLOCK (peer.get ());
  return !flushing;
}

// No SEGMENT comes before caps.
static void
gst_vlm_text_pad_push_waiting (GstVlmTextPad * self)
{
  if (!gst_pad_has_current_caps (GST_PAD (self)))
    return;
  for (Ptr<GstEvent> &event : self->stream->waiting.take ())
    if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_EOS &&
        !gst_vlm_text_pad_has_reader (self))
      self->stream->waiting.add (std::move (event));
    else
      gst_pad_push_event (GST_PAD (self), event.release ());
}

// Who joined after everything was said.
static void
gst_vlm_text_pad_tell_end (GstVlmTextPad * self)
{
  if (gst_vlm_text_pad_has_reader (self) && gst_vlm_text_pad_negotiate (self))
    gst_vlm_text_pad_push_waiting (self);
}

// Sinks that synchronise show it late. No lock is held.
static void
gst_vlm_text_pad_warn_shifted (GstVlmTextPad * self, GstClockTime by)
{
  if (std::exchange (self->warned, TRUE))
    return;
  GstElement * element = gst_pad_get_parent_element (GST_PAD (self));
  if (!element)
    return;
  gstvlm::post_warning (
      element, {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                   "Video timestamps went back, and text cannot: it is shown " +
                       std::to_string (by) +
                       " ns late, whatever latency is set, like other text "
                       "after it."});
  gst_object_unref (element);
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
    if (item.place != gstvlm::TextPlace::Floating)
      gst_vlm_text_pad_warn_shifted (self, stream.position - pts);
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

// Once more where another peer was linked in the middle: it was offered the
// caps that the one before it took.
static GstFlowReturn
gst_vlm_text_pad_insist (GstVlmTextPad * self, const TextItem &item)
{
  GstFlowReturn flow = gst_vlm_text_pad_push_text (self, item);
  while (flow == GST_FLOW_NOT_NEGOTIATED &&
         gst_pad_needs_reconfigure (GST_PAD (self)) &&
         gst_vlm_text_pad_negotiate (self))
    flow = gst_vlm_text_pad_push_text (self, item);
  return flow;
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
      GST_PAD (self), gst_vlm_text_pad_stamp (
                          self, gst_event_new_gap (start, item.end - start)));
}

static void
gst_vlm_text_pad_push_event (GstVlmTextPad * self, Ptr<GstEvent> event)
{
  Stream &stream = *self->stream;
  const GstEventType type = GST_EVENT_TYPE (event.get ());
  if (type == GST_EVENT_STREAM_START) {
    stream = Stream ();
    stream.seqnum = gst_event_get_seqnum (event.get ());
  }
  if (type == GST_EVENT_SEGMENT) {
    gst_event_copy_segment (event.get (), &stream.segment);
    stream.position = stream.segment.start;
    stream.placed = true;
  }
  if (type == GST_EVENT_STREAM_START || !GST_EVENT_IS_STICKY (event.get ())) {
    gst_pad_push_event (GST_PAD (self), event.release ());
    return;
  }
  stream.waiting.add (std::move (event));
  gst_vlm_text_pad_push_waiting (self);
}

// Video that has no segment may pass as it is: sinks guess one. For text there
// is the one that its times are counted in.
static void
gst_vlm_text_pad_place (GstVlmTextPad * self)
{
  const GstSegment * segment = &self->stream->segment;
  if (!self->stream->placed)
    gst_vlm_text_pad_push_event (self,
        Ptr<GstEvent> (
            gst_vlm_text_pad_stamp (self, gst_event_new_segment (segment))));
}

// Where nothing was said yet, but what a flush leaves valid.
static void
gst_vlm_text_pad_forget (GstVlmTextPad * self)
{
  gstvlm::StickyEvents waiting = std::move (self->stream->waiting);
  waiting.flush ();
  *self->stream = Stream ();
  self->stream->waiting = std::move (waiting);
}

static bool
opens_stream (const TextItem &item)
{
  return item.event &&
         GST_EVENT_TYPE (item.event.get ()) == GST_EVENT_STREAM_START;
}

// Without a peer there is nobody to agree on caps with: only what a later one
// must know goes into the pad.
static GstFlowReturn
gst_vlm_text_pad_push (GstVlmTextPad * self, TextItem &item)
{
  const bool linked = gst_pad_is_linked (GST_PAD (self));
  if (item.event && GST_EVENT_TYPE (item.event.get ()) == GST_EVENT_SEGMENT)
    self->stream->seqnum = gst_event_get_seqnum (item.event.get ());
  if (linked && !opens_stream (item) && !gst_vlm_text_pad_negotiate (self))
    return gst_pad_is_linked (GST_PAD (self)) ? GST_FLOW_NOT_NEGOTIATED
                                              : GST_FLOW_NOT_LINKED;
  if (linked)
    gst_vlm_text_pad_push_waiting (self);
  if (item.kind == TextItem::Kind::Event) {
    gst_vlm_text_pad_push_event (self, std::move (item.event));
    return GST_FLOW_OK;
  }
  if (!linked)
    return GST_FLOW_NOT_LINKED;
  gst_vlm_text_pad_place (self);
  if (item.kind == TextItem::Kind::Text)
    return gst_vlm_text_pad_insist (self, item);
  gst_vlm_text_pad_push_gap (self, item);
  return GST_FLOW_OK;
}

// One item per call. After an error or the end downstream, items are thrown
// away until the next flush or stream, after the end also until another peer is
// linked: one that shuts down may say EOS to the last buffer. A branch that is
// flushing or not linked misses what comes meanwhile.
static void
gst_vlm_text_pad_step (GstVlmTextPad * self)
{
  Stream &stream = *self->stream;
  TextItem item;
  const auto patience = stream.waiting.has (GST_EVENT_EOS)
                            ? std::optional<milliseconds> (kTick)
                            : std::nullopt;
  switch (self->queue->next (item, patience)) {
    case TextQueue::Next::Halted:
      gst_pad_pause_task (GST_PAD (self));
      return;
    case TextQueue::Next::Later:
      gst_vlm_text_pad_tell_end (self);
      return;
    case TextQueue::Next::Item:
      break;
  }
  if (item.kind == TextItem::Kind::Flushed) {
    gst_vlm_text_pad_forget (self);
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

static void
gst_vlm_text_pad_loop (gpointer user_data)
{
  GstVlmTextPad * self = GST_VLM_TEXT_PAD (user_data);
  gst_vlm_text_pad_step (self);
  self->queue->done ();
}

// Not before there is a parent: what the task pushes or posts comes from an
// element.
static gboolean
gst_vlm_text_pad_start (GstVlmTextPad * self)
{
  GstObject * parent = gst_object_get_parent (GST_OBJECT (self));
  if (!parent)
    return TRUE;
  gst_object_unref (parent);
  return gst_pad_start_task (GST_PAD (self), gst_vlm_text_pad_loop, self, NULL);
}

// A pad that is deactivated says so before it stops its task: one that was
// started too late for that is noticed here.
void
gst_vlm_text_pad_open (GstVlmTextPad * self)
{
  if (gst_pad_is_active (GST_PAD (self)))
    gst_vlm_text_pad_start (self);
  if (!gst_pad_is_active (GST_PAD (self)))
    gst_pad_stop_task (GST_PAD (self));
}

// The reader is not left flushing: another pad may come for it. The time of the
// pipeline stays as it is.
void
gst_vlm_text_pad_close (GstVlmTextPad * self)
{
  GstPad * pad = GST_PAD (self);
  self->queue->stop ();
  if (!self->queue->wait_idle (kReaderPatience)) {
    gst_pad_push_event (pad, gst_event_new_flush_start ());
    gst_pad_stop_task (pad);
    gst_pad_push_event (pad, gst_event_new_flush_stop (FALSE));
  }
  gst_pad_set_active (pad, FALSE);
}

void
gst_vlm_text_pad_flush (GstVlmTextPad * self, GstEvent * event)
{
  GstPad * pad = GST_PAD (self);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START) {
    self->queue->set_flushing (true);
    gst_pad_push_event (pad, event);
    gst_pad_pause_task (pad);
    return;
  }
  gst_pad_push_event (pad, event);
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
  self->warned = FALSE;
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
