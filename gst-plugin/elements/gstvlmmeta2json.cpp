// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * SECTION:element-vlmmeta2json
 * @title: vlmmeta2json
 * @short_description: Caption records as lines of JSON
 *
 * vlmmeta2json takes video that came through #GstVlmCaption, lets the pictures
 * go and writes down what was said about them: one JSON object per record, each
 * on a line of its own, for filesink, fdsink or a network sink.
 *
 * Every record is written exactly once: those that frames carry (the meta
 * `GstVlmCaptionMeta`, all of its `records`), at the first frame that does, and
 * those that no frame carries, which travel as the serialised event
 * `vlmcaption/record`: records without a text (dropped, failed) and those that
 * came when their stream was over. Frames that hold an older caption, stale
 * ones and frames that were doubled on the way write nothing.
 *
 * The names of an object's fields are those of the message
 * `vlmcaption/caption`; `vlm-record.schema.json`, installed beside the plugin's
 * data, describes them (JSON Schema, draft 2020-12). Times are integer
 * nanoseconds of up to 64 bits. Fields that are not known are absent.
 *
 * ## Time
 *
 * A line has PTS and duration of the frame that carries its record. Frames
 * that bring nothing new become GAP events, so that a muxer or a sink does not
 * wait. A line that comes by event has the position of the stream at its
 * arrival as PTS; the record's own time is its field `pts`. No latency is
 * added, and no picture is ever mapped or copied.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! vlmcaption interval=1000000000 !
 * vlmmeta2json ! filesink location=captions.jsonl
 * ]| Three captions, three lines.
 * |[
 * gst-launch-1.0 v4l2src ! tee name=t  t. ! queue ! autovideosink
 * t. ! queue leaky=downstream ! videoconvert ! vlmcaption ! vlmmeta2json !
 * fdsink sync=false
 * ]| A camera in a window, and what it shows in the terminal.
 *
 * Since: 0.1
 */

#include "gst-plugin/elements/gstvlmmeta2json.h"

#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/base/sparsestream.h"
#include "gst-plugin/elements/elementbase.h"
#include "gst-plugin/record/gstvlmrecord.h"
#include "gst-plugin/record/recordwriter.h"

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

using namespace gstvlm;

struct _GstVlmMeta2json {
  GstElement parent;
  GstPad * sink;
  GstPad * src;
  RecordWriter * writer; // streaming thread only
};

G_DEFINE_TYPE (GstVlmMeta2json, gst_vlm_meta2json, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (
    vlmmeta2json, "vlmmeta2json", GST_RANK_NONE, GST_TYPE_VLM_META2JSON)

// Pictures are not looked at, so they may be in any memory.
static GstStaticPadTemplate meta2json_sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

static GstStaticPadTemplate meta2json_src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("application/x-json"));

// Data

static GstFlowReturn
gst_vlm_meta2json_push (GstVlmMeta2json * self, RecordWriter::Items items)
{
  for (RecordWriter::Item &item : items) {
    if (item.gap) {
      gst_pad_push_event (self->src, item.gap.release ());
      continue;
    }
    const GstFlowReturn flow = gst_pad_push (self->src, item.buffer.release ());
    if (flow != GST_FLOW_OK)
      return flow;
  }
  return GST_FLOW_OK;
}

static GstFlowReturn
gst_vlm_meta2json_chain (GstPad *, GstObject * parent, GstBuffer * buffer)
{
  GstVlmMeta2json * self = GST_VLM_META2JSON (parent);
  const Ptr<GstBuffer> frame (buffer);
  return guard (GST_ELEMENT (self), GST_FLOW_ERROR, [&] {
    return gst_vlm_meta2json_push (self, self->writer->frame (frame.get ()));
  });
}

// Events and queries

static gboolean
gst_vlm_meta2json_caps (GstVlmMeta2json * self, GstEvent * video)
{
  const Ptr<GstCaps> caps (
      gst_static_pad_template_get_caps (&meta2json_src_template));
  GstEvent * event = gst_event_new_caps (caps.get ());
  gst_event_set_seqnum (event, gst_event_get_seqnum (video));
  return gst_pad_push_event (self->src, event);
}

static gboolean
gst_vlm_meta2json_segment (GstVlmMeta2json * self, GstEvent * event)
{
  if (!time_segment (GST_ELEMENT (self), event))
    return FALSE;
  self->writer->set_segment (event);
  return gst_pad_push_event (self->src, gst_event_ref (event));
}

static gboolean
gst_vlm_meta2json_gap (GstVlmMeta2json * self, GstEvent * event)
{
  GstClockTime start, duration;
  gst_event_parse_gap (event, &start, &duration);
  const GstClockTime end =
      GST_CLOCK_TIME_IS_VALID (duration) ? start + duration : start;
  return gst_vlm_meta2json_push (self, self->writer->gap (start, end)) ==
         GST_FLOW_OK;
}

static gboolean
gst_vlm_meta2json_forward (GstVlmMeta2json * self, GstEvent * event)
{
  return gst_pad_event_default (
      self->sink, GST_OBJECT (self), gst_event_ref (event));
}

static gboolean
gst_vlm_meta2json_custom (GstVlmMeta2json * self, GstEvent * event)
{
  const GstStructure * record = record_of (event);
  if (!record)
    return gst_vlm_meta2json_forward (self, event);
  return gst_vlm_meta2json_push (self, self->writer->record (record)) ==
         GST_FLOW_OK;
}

static gboolean
gst_vlm_meta2json_handle_event (GstVlmMeta2json * self, GstEvent * event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      self->writer->reset ();
      return gst_pad_push_event (
          self->src, sparse_stream_start (event, "/json").release ());
    case GST_EVENT_CAPS:
      return gst_vlm_meta2json_caps (self, event);
    case GST_EVENT_SEGMENT:
      return gst_vlm_meta2json_segment (self, event);
    case GST_EVENT_GAP:
      return gst_vlm_meta2json_gap (self, event);
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      return gst_vlm_meta2json_custom (self, event);
    case GST_EVENT_FLUSH_STOP:
      self->writer->reset ();
      return gst_vlm_meta2json_forward (self, event);
    default:
      return gst_vlm_meta2json_forward (self, event);
  }
}

static gboolean
gst_vlm_meta2json_sink_event (GstPad *, GstObject * parent, GstEvent * event)
{
  GstVlmMeta2json * self = GST_VLM_META2JSON (parent);
  const Ptr<GstEvent> owner (event);
  return guard (GST_ELEMENT (self), gboolean{FALSE},
      [&] { return gst_vlm_meta2json_handle_event (self, event); });
}

// Whatever strides and crops a picture has are fine: nobody looks.
static gboolean
gst_vlm_meta2json_sink_query (
    GstPad * pad, GstObject * parent, GstQuery * query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return gst_pad_query_default (pad, parent, query);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

// Type

static GstStateChangeReturn
gst_vlm_meta2json_change_state (GstElement * element, GstStateChange transition)
{
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS (gst_vlm_meta2json_parent_class)
          ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    GST_VLM_META2JSON (element)->writer->reset ();
  return result;
}

static void
gst_vlm_meta2json_finalize (GObject * object)
{
  delete GST_VLM_META2JSON (object)->writer;
  G_OBJECT_CLASS (gst_vlm_meta2json_parent_class)->finalize (object);
}

static void
gst_vlm_meta2json_class_init (GstVlmMeta2jsonClass * klass)
{
  GstElementClass * element_class = GST_ELEMENT_CLASS (klass);
  G_OBJECT_CLASS (klass)->finalize = gst_vlm_meta2json_finalize;
  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_vlm_meta2json_change_state);
  gst_element_class_add_static_pad_template (
      element_class, &meta2json_sink_template);
  gst_element_class_add_static_pad_template (
      element_class, &meta2json_src_template);
  gst_element_class_set_static_metadata (element_class,
      "Caption records to JSON", "Formatter/Metadata",
      "Writes the records that vlmcaption left on video as lines of JSON, each "
      "once",
      "The gst-vlm developers");
  register_caption_meta ();
}

static void
gst_vlm_meta2json_init (GstVlmMeta2json * self)
{
  self->writer = new RecordWriter ();

  self->sink =
      gst_pad_new_from_static_template (&meta2json_sink_template, "sink");
  gst_pad_set_chain_function (
      self->sink, GST_DEBUG_FUNCPTR (gst_vlm_meta2json_chain));
  gst_pad_set_event_function (
      self->sink, GST_DEBUG_FUNCPTR (gst_vlm_meta2json_sink_event));
  gst_pad_set_query_function (
      self->sink, GST_DEBUG_FUNCPTR (gst_vlm_meta2json_sink_query));
  gst_element_add_pad (GST_ELEMENT (self), self->sink);

  self->src = gst_pad_new_from_static_template (&meta2json_src_template, "src");
  gst_pad_use_fixed_caps (self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}
