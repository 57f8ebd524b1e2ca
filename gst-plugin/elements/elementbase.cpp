// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/elements/elementbase.h"

#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/settings/properties.h"

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

namespace gstvlm
{

std::optional<GstSegment>
time_segment (GstElement * element, GstEvent * event)
{
  GstSegment segment;
  gst_event_copy_segment (event, &segment);
  if (segment.format == GST_FORMAT_TIME)
    return segment;
  GST_ELEMENT_ERROR (element, STREAM, FORMAT,
      ("Video must come in a TIME segment."),
      ("segment format is %s", gst_format_get_name (segment.format)));
  return std::nullopt;
}

bool
video_info_of (GstElement * element, GstCaps * caps, GstVideoInfo &info)
{
  if (gst_video_info_from_caps (&info, caps))
    return true;
  GST_ERROR_OBJECT (
      element, "not video caps: %" GST_PTR_FORMAT, static_cast<void *> (caps));
  return false;
}

// Base classes drop by what QoS events tell them: they are told nothing.
gboolean
video_src_event (GstBaseTransform * trans, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS)
    return gst_pad_push_event (GST_BASE_TRANSFORM_SINK_PAD (trans), event);
  return GST_BASE_TRANSFORM_CLASS (g_type_class_peek (GST_TYPE_BASE_TRANSFORM))
      ->src_event (trans, event);
}

// An application must not believe that it has an effect.
static void
refuse_qos (GObject * object, GParamSpec * spec)
{
  GstBaseTransform * trans = GST_BASE_TRANSFORM (object);
  if (g_strcmp0 (spec->name, "qos") != 0 ||
      !gst_base_transform_is_qos_enabled (trans))
    return;
  gst_base_transform_set_qos_enabled (trans, FALSE);
  GST_ELEMENT_WARNING (object, LIBRARY, SETTINGS,
      ("qos=true is refused: this element drops no video, however late."),
      (NULL));
}

void
never_drop_video (GstBaseTransformClass * klass)
{
  klass->src_event = video_src_event;
  G_OBJECT_CLASS (klass)->notify = refuse_qos;
}

void
add_latency (GstQuery * query, GstClockTime own)
{
  gboolean live;
  GstClockTime least, most;
  gst_query_parse_latency (query, &live, &least, &most);
  if (!live)
    return;
  gst_query_set_latency (query, live, least + own, most);
}

bool
may_set (GstElement * element, bool running, const GParamSpec * spec)
{
  if (!running || !mutable_in_ready_only (spec))
    return true;
  GST_ELEMENT_WARNING (element, LIBRARY, SETTINGS,
      ("Property %s can be changed in the states NULL and READY only.",
          spec->name),
      ("the old value stays"));
  return false;
}

GstStateChangeReturn
change_state (GstElement * element, GstStateChange transition,
    gpointer parent_class, const StateSteps &steps)
{
  const auto attempt = [element] (const std::function<void ()> &step) {
    return guard (element, false, [&] {
      step ();
      return true;
    });
  };
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !attempt (steps.open))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !attempt (steps.start))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    steps.stop ();

  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED &&
      result == GST_STATE_CHANGE_FAILURE)
    steps.stop ();
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY && steps.rest)
    steps.rest ();
  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    steps.close ();
  return result;
}

} // namespace gstvlm
