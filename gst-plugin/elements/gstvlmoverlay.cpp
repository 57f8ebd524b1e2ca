// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * SECTION:element-vlmoverlay
 * @title: vlmoverlay
 * @short_description: Draws captions into the picture
 *
 * vlmoverlay draws the newest caption that a frame carries (the meta
 * `GstVlmCaptionMeta` of #GstVlmCaption) into the picture, and what textoverlay
 * cannot know: how far it can be trusted. It works in place, in every raw
 * format without a palette.
 *
 * The stripe at the left of the box tells the caption's state:
 *
 * * green: fresh, the first frame with this caption,
 * * blue: held from an earlier frame,
 * * amber, in a fainter box, with a mark such as `12 s old`: stale, nothing
 *   newer is known.
 *
 * The bar under the text is the record's confidence, from red (0) to green (1);
 * records without one have no bar. Long text is wrapped and at last shortened
 * to less than half of the picture's height. In pictures that are too small for
 * a line of text nothing is drawn.
 *
 * A record that comes as the event `vlmcaption/record` is shown until a frame
 * carries a newer one. The event and all metas go on downstream, but for what a
 * #GstVlmEncode saw in a picture that is drawn into.
 *
 * A frame without a caption leaves as it came: the same buffer, not mapped, not
 * copied. One with a caption is copied only when somebody else holds it, behind
 * a tee for example. No latency is added.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! vlmcaption ! vlmoverlay !
 * videoconvert ! autovideosink
 * ]| The test picture with its caption.
 * |[
 * gst-launch-1.0 filesrc location=FILE ! decodebin ! videoconvert !
 * vlmcaption prompt="Is there a dog?" ! vlmoverlay position=top font-scale=1.5
 * ! jpegenc ! avimux ! filesink location=out.avi
 * ]| A file with answers burnt in.
 *
 * Since: 0.1
 */

#include "gst-plugin/elements/gstvlmoverlay.h"

#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/elements/elementbase.h"
#include "gst-plugin/overlay/captionpainter.h"
#include "gst-plugin/record/gstvlmrecord.h"
#include "gst-plugin/record/recordreader.h"
#include "gst-plugin/settings/properties.h"
#include "gst-plugin/tokens/tokensmeta.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <vector>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

using namespace gstvlm;

enum {
  PROP_0,
  PROP_FONT_DESCRIPTION,
  PROP_FONT_SCALE,
  PROP_POSITION,
  PROP_SHOW_CONFIDENCE,
};

struct GstVlmOverlayPrivate {
  CaptionPainter::Style style_copy ()
  {
    std::lock_guard<std::mutex> lock (mutex);
    return style;
  }

  std::mutex mutex;
  CaptionPainter::Style style; ///< guarded by `mutex`

  // Streaming thread only.
  GstVideoInfo info;
  CaptionChooser chooser;
  CaptionPainter painter;
  /// To be blended with the frame under way; the painter's, or null.
  GstVideoOverlayComposition * composition = nullptr;
};

struct _GstVlmOverlay {
  GstBaseTransform parent;
  GstVlmOverlayPrivate * priv;
};

G_DEFINE_TYPE (GstVlmOverlay, gst_vlm_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (
    vlmoverlay, "vlmoverlay", GST_RANK_NONE, GST_TYPE_VLM_OVERLAY)

GType
gst_vlm_overlay_position_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_OVERLAY_POSITION_BOTTOM, "At the lower edge", "bottom"},
      {GST_VLM_OVERLAY_POSITION_TOP, "At the upper edge", "top"},
      {0, NULL, NULL},
  };
  static const GType type =
      g_enum_register_static ("GstVlmOverlayPosition", values);
  return type;
}

// Frames

static gboolean
gst_vlm_overlay_set_caps (GstBaseTransform * trans, GstCaps * caps, GstCaps *)
{
  GstVlmOverlayPrivate &priv = *GST_VLM_OVERLAY (trans)->priv;
  if (!video_info_of (GST_ELEMENT (trans), caps, priv.info))
    return FALSE;
  priv.painter.set_info (priv.info);
  return TRUE;
}

// The base class would make every frame writable, which copies those that are
// shared: only one that is drawn into has to be.
static GstFlowReturn
gst_vlm_overlay_prepare (
    GstBaseTransform * trans, GstBuffer * input, GstBuffer ** output)
{
  GstVlmOverlayPrivate &priv = *GST_VLM_OVERLAY (trans)->priv;
  return guard (GST_ELEMENT (trans), GST_FLOW_ERROR, [&] {
    const std::optional<ShownCaption> caption = priv.chooser.choose (input);
    priv.composition =
        caption ? priv.painter.paint (*caption, priv.style_copy ()) : nullptr;
    if (priv.composition)
      return GST_BASE_TRANSFORM_CLASS (gst_vlm_overlay_parent_class)
          ->prepare_output_buffer (trans, input, output);
    *output = input;
    return GST_FLOW_OK;
  });
}

static GstFlowReturn
gst_vlm_overlay_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstVlmOverlayPrivate &priv = *GST_VLM_OVERLAY (trans)->priv;
  if (!priv.composition)
    return GST_FLOW_OK;
  remove_tokens_meta (buffer);
  MappedFrame frame (priv.info, buffer, GST_MAP_READWRITE);
  if (frame &&
      gst_video_overlay_composition_blend (priv.composition, frame.get ()))
    return GST_FLOW_OK;
  GST_ELEMENT_ERROR (trans, STREAM, FORMAT,
      ("A caption cannot be drawn into this video."),
      ("a buffer of %" G_GSIZE_FORMAT " bytes as %s frame of %dx%d",
          gst_buffer_get_size (buffer),
          gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&priv.info)),
          GST_VIDEO_INFO_WIDTH (&priv.info),
          GST_VIDEO_INFO_HEIGHT (&priv.info)));
  return GST_FLOW_ERROR;
}

// Events and states

static bool
gst_vlm_overlay_note (GstVlmOverlay * self, GstEvent * event)
{
  CaptionChooser &chooser = self->priv->chooser;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
    case GST_EVENT_FLUSH_STOP:
      chooser.reset ();
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      if (const GstStructure * record = record_of (event))
        chooser.note (record);
      break;
    default:
      break;
  }
  return true;
}

static gboolean
gst_vlm_overlay_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstVlmOverlay * self = GST_VLM_OVERLAY (trans);
  if (!guard (GST_ELEMENT (self), false,
          [&] { return gst_vlm_overlay_note (self, event); })) {
    gst_event_unref (event);
    return FALSE;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_vlm_overlay_parent_class)
      ->sink_event (trans, event);
}

static gboolean
gst_vlm_overlay_stop (GstBaseTransform * trans)
{
  GstVlmOverlayPrivate &priv = *GST_VLM_OVERLAY (trans)->priv;
  priv.composition = nullptr;
  priv.painter.reset ();
  priv.chooser.reset ();
  return TRUE;
}

// Properties

static void
gst_vlm_overlay_set_property (
    GObject * object, guint id, const GValue * value, GParamSpec * spec)
{
  GstVlmOverlayPrivate &priv = *GST_VLM_OVERLAY (object)->priv;
  std::lock_guard<std::mutex> lock (priv.mutex);
  switch (id) {
    case PROP_FONT_DESCRIPTION: {
      const gchar * font = g_value_get_string (value);
      priv.style.font = font ? font : CaptionPainter::Style ().font;
      break;
    }
    case PROP_FONT_SCALE:
      priv.style.font_scale = g_value_get_double (value);
      break;
    case PROP_POSITION:
      priv.style.top = g_value_get_enum (value) == GST_VLM_OVERLAY_POSITION_TOP;
      break;
    case PROP_SHOW_CONFIDENCE:
      priv.style.show_confidence = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
gst_vlm_overlay_get_property (
    GObject * object, guint id, GValue * value, GParamSpec * spec)
{
  const CaptionPainter::Style style =
      GST_VLM_OVERLAY (object)->priv->style_copy ();
  switch (id) {
    case PROP_FONT_DESCRIPTION:
      put (value, style.font);
      break;
    case PROP_FONT_SCALE:
      g_value_set_double (value, style.font_scale);
      break;
    case PROP_POSITION:
      g_value_set_enum (value, style.top ? GST_VLM_OVERLAY_POSITION_TOP
                                         : GST_VLM_OVERLAY_POSITION_BOTTOM);
      break;
    case PROP_SHOW_CONFIDENCE:
      g_value_set_boolean (value, style.show_confidence);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
gst_vlm_overlay_install_properties (GObjectClass * klass)
{
  const CaptionPainter::Style d;
  g_object_class_install_property (klass, PROP_FONT_DESCRIPTION,
      g_param_spec_string ("font-description", "Font description",
          "Family and style of the letters as Pango writes them, for example "
          "\"DejaVu Sans Bold\". A size in it does not count: see font-scale",
          d.font.c_str (), kPlaying));
  g_object_class_install_property (klass, PROP_FONT_SCALE,
      g_param_spec_double ("font-scale", "Font scale",
          "Size of the letters. 1: a 24th of the picture's height; never less "
          "than 8 pixels",
          0.25, 4, d.font_scale, kPlaying));
  g_object_class_install_property (klass, PROP_POSITION,
      g_param_spec_enum ("position", "Position",
          "Where in the picture the box stands",
          gst_vlm_overlay_position_get_type (), GST_VLM_OVERLAY_POSITION_BOTTOM,
          kPlaying));
  g_object_class_install_property (klass, PROP_SHOW_CONFIDENCE,
      g_param_spec_boolean ("show-confidence", "Show confidence",
          "Draw the record's confidence as a bar under the text",
          d.show_confidence, kPlaying));
  mark_as_plugin_api ({gst_vlm_overlay_position_get_type ()});
}

// Type

static void
gst_vlm_overlay_finalize (GObject * object)
{
  delete GST_VLM_OVERLAY (object)->priv;
  G_OBJECT_CLASS (gst_vlm_overlay_parent_class)->finalize (object);
}

// Every raw format but those with a palette: colours are mixed.
static void
gst_vlm_overlay_add_templates (GstElementClass * klass)
{
  guint count;
  const GstVideoFormat * all = gst_video_formats_raw (&count);
  std::vector<GstVideoFormat> formats;
  std::copy_if (all, all + count, std::back_inserter (formats),
      [] (GstVideoFormat format) {
        return !GST_VIDEO_FORMAT_INFO_HAS_PALETTE (
            gst_video_format_get_info (format));
      });
  const Ptr<GstCaps> caps (
      gst_video_make_raw_caps (formats.data (), formats.size ()));
  gst_element_class_add_pad_template (klass,
      gst_pad_template_new ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps.get ()));
  gst_element_class_add_pad_template (klass,
      gst_pad_template_new ("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps.get ()));
}

static void
gst_vlm_overlay_class_init (GstVlmOverlayClass * klass)
{
  GObjectClass * object_class = G_OBJECT_CLASS (klass);
  GstElementClass * element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass * trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = gst_vlm_overlay_set_property;
  object_class->get_property = gst_vlm_overlay_get_property;
  object_class->finalize = gst_vlm_overlay_finalize;
  gst_vlm_overlay_install_properties (object_class);

  gst_vlm_overlay_add_templates (element_class);
  gst_element_class_set_static_metadata (element_class, "Caption overlay",
      "Filter/Editor/Video",
      "Draws the captions that vlmcaption left on video, with their state and "
      "confidence",
      "The gst-vlm developers");

  never_drop_video (trans_class);
  trans_class->set_caps = GST_DEBUG_FUNCPTR (gst_vlm_overlay_set_caps);
  trans_class->prepare_output_buffer =
      GST_DEBUG_FUNCPTR (gst_vlm_overlay_prepare);
  trans_class->transform_ip = GST_DEBUG_FUNCPTR (gst_vlm_overlay_transform_ip);
  trans_class->sink_event = GST_DEBUG_FUNCPTR (gst_vlm_overlay_sink_event);
  trans_class->stop = GST_DEBUG_FUNCPTR (gst_vlm_overlay_stop);

  register_caption_meta ();
}

static void
gst_vlm_overlay_init (GstVlmOverlay * self)
{
  self->priv = new GstVlmOverlayPrivate ();
  GstBaseTransform * trans = GST_BASE_TRANSFORM (self);
  gst_base_transform_set_in_place (trans, TRUE);
  gst_base_transform_set_passthrough (trans, FALSE);
}
