// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * SECTION:element-vlmencode
 * @title: vlmencode
 * @short_description: Looks at video once for many questions
 *
 * A vision-language model looks at a picture (two vision encoders, and the
 * mining of fine detail) before it answers, and that is most of the work of a
 * short answer. vlmencode has it done once for any number of #GstVlmCaption
 * elements behind it, also in the branches of a tee. Video passes through
 * untouched, in any raw format.
 *
 * One frame is due every #GstVlmEncode:interval of PTS, by the rule of
 * #GstVlmCaption:interval: give both the same. A due frame gets a #GstMeta
 * named `GstVlmTokensMeta`, which refers to what the model sees in it. It is
 * copied with the frame and stays behind when the picture changes (scaled,
 * cropped, turned, another colour space, drawn into by #GstVlmOverlay). What
 * another element draws into the picture in place is not noticed: draw behind
 * the captioner.
 *
 * Video never waits: the meta is a promise, and the model keeps it while the
 * frame goes on. A captioner whose question comes first keeps it in the same
 * way. Who uses it must have the same model in the same precision on the same
 * device; any other captioner looks for itself. #GstVlmCaption:stats counts in
 * `reused` the answers for which nobody had to look again.
 *
 * Looks that the model has no time for are dropped, the oldest first, when four
 * wait; the meta stays, and the first question is then the first look.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=90 ! vlmencode ! tee name=t
 * t. ! queue ! vlmcaption prompt="What is shown?" ! fakesink
 * t. ! queue ! vlmcaption prompt="Is there a dog?" ! fakesink
 * ]| Two captioners, one look at each frame.
 *
 * Since: 0.1
 */

#include "gst-plugin/elements/gstvlmencode.h"

#include "gst-plugin/base/gstvlmengine.h"
#include "gst-plugin/base/gstvlmerrors.h"
#include "gst-plugin/base/modelloader.h"
#include "gst-plugin/caption/captionstream.h"
#include "gst-plugin/elements/elementbase.h"
#include "gst-plugin/settings/captionproperties.h"
#include "gst-plugin/settings/settingschecks.h"
#include "gst-plugin/tokens/looker.h"
#include "gst-plugin/tokens/tokensmeta.h"

#include <atomic>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

using namespace gstvlm;

struct GstVlmEncodePrivate {
  explicit GstVlmEncodePrivate (GstVlmEncode * self);

  SettingsBox settings;

  std::shared_ptr<Looker> looker;
  ModelLoader loader;
  Warnings warnings;

  std::shared_ptr<std::atomic<bool>> failed; ///< the model cannot be opened
  std::atomic<guint64> frames{0}, due{0};

  // Streaming thread only.
  CaptionStream stream;
  std::shared_ptr<TokenSource> source;
};

struct _GstVlmEncode {
  GstBaseTransform parent;
  GstVlmEncodePrivate * priv;
};

G_DEFINE_TYPE (GstVlmEncode, gst_vlm_encode, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (
    vlmencode, "vlmencode", GST_RANK_NONE, GST_TYPE_VLM_ENCODE)

static GstStaticPadTemplate encode_sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)));

static GstStaticPadTemplate encode_src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)));

// The looker outlives the element when the model is busy: it knows it only
// weakly. Captioners meet the same failure and decide what it means.
GstVlmEncodePrivate::GstVlmEncodePrivate (GstVlmEncode * self)
{
  auto weak = std::make_shared<WeakElement> (GST_ELEMENT (self));
  looker = std::make_shared<Looker> ([weak] (std::exception_ptr error) {
    if (const Ptr<GstElement> element = weak->lock ())
      GST_VLM_ENCODE (element.get ())
          ->priv->warnings.post (element.get (), failure_of (error));
  });
}

// Frames

static void
gst_vlm_encode_look (
    GstVlmEncode * self, GstBuffer * buffer, const Moment &moment)
{
  GstVlmEncodePrivate &priv = *self->priv;
  ++priv.due;
  auto memory = std::make_shared<vlm::PictureMemory> ();
  priv.looker->look (moment.images ().front (), memory);
  add_tokens_meta (
      buffer, {std::move (memory), priv.source, moment.pts, {0, 0, 0, 0}});
}

static GstFlowReturn
gst_vlm_encode_handle_frame (GstVlmEncode * self, GstBuffer * buffer)
{
  GstVlmEncodePrivate &priv = *self->priv;
  if (*priv.failed)
    return GST_FLOW_ERROR; // its cause was posted
  ++priv.frames;
  if (!CaptionStream::dated (buffer))
    return GST_FLOW_OK;
  const CaptionStream::Frame frame = priv.stream.frame_of (buffer);
  try {
    for (const Moment &due :
        priv.stream.due (buffer, frame, priv.settings.copy ()))
      gst_vlm_encode_look (self, buffer, due);
  } catch (...) { // an unusable frame: who asks about it says so
    priv.warnings.post (
        GST_ELEMENT (self), failure_of (std::current_exception ()));
  }
  return GST_FLOW_OK;
}

static void
gst_vlm_encode_before_transform (GstBaseTransform * trans, GstBuffer * input)
{
  GST_VLM_ENCODE (trans)->priv->stream.arrived (input);
}

static GstFlowReturn
gst_vlm_encode_transform_ip (GstBaseTransform * trans, GstBuffer * buffer)
{
  GstVlmEncode * self = GST_VLM_ENCODE (trans);
  const GstFlowReturn flow = guard (GST_ELEMENT (self), GST_FLOW_ERROR,
      [&] { return gst_vlm_encode_handle_frame (self, buffer); });
  self->priv->stream.left ();
  return flow;
}

static gboolean
gst_vlm_encode_set_caps (GstBaseTransform * trans, GstCaps * caps, GstCaps *)
{
  GstVideoInfo info;
  if (!video_info_of (GST_ELEMENT (trans), caps, info))
    return FALSE;
  GST_VLM_ENCODE (trans)->priv->stream.set_info (info);
  return TRUE;
}

// Events

static bool
gst_vlm_encode_segment (GstVlmEncode * self, GstEvent * event)
{
  CaptionStream &stream = self->priv->stream;
  const auto segment = time_segment (GST_ELEMENT (self), event);
  if (segment && !stream.continues (*segment))
    stream.set_segment (*segment);
  return segment.has_value ();
}

static bool
gst_vlm_encode_handle_event (GstVlmEncode * self, GstEvent * event)
{
  GstVlmEncodePrivate &priv = *self->priv;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      priv.looker->flush ();
      return true;
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_STREAM_START:
      priv.stream.reset ();
      return true;
    case GST_EVENT_SEGMENT:
      return gst_vlm_encode_segment (self, event);
    case GST_EVENT_EOS:
      priv.warnings.finish (GST_ELEMENT (self));
      return true;
    default:
      return true;
  }
}

static gboolean
gst_vlm_encode_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstVlmEncode * self = GST_VLM_ENCODE (trans);
  const bool forward = guard (GST_ELEMENT (self), false,
      [&] { return gst_vlm_encode_handle_event (self, event); });
  if (!forward) {
    gst_event_unref (event);
    return FALSE;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_vlm_encode_parent_class)
      ->sink_event (trans, event);
}

// States

// NULL -> READY: what can be said without loading.
static void
gst_vlm_encode_open (GstVlmEncode * self)
{
  const Settings settings = self->priv->settings.copy ();
  check (settings);
  engine ().validate (settings.model.options<vlm::ModelOptions> ());
}

static void
gst_vlm_encode_start (GstVlmEncode * self)
{
  GstVlmEncodePrivate &priv = *self->priv;
  priv.stream.reset ();
  priv.frames = priv.due = 0;
  priv.warnings.reset ();
  priv.source = std::make_shared<TokenSource> ();
  priv.failed = std::make_shared<std::atomic<bool>> (false);
  priv.looker->start ();
  priv.settings.running = true;
  const auto loaded = [looker = priv.looker, source = priv.source,
                          failed = priv.failed] (
                          const std::shared_ptr<vlm::Worker> &worker) {
    if (worker) {
      source->set_digest (worker->info ().digest);
      looker->set_worker (worker);
    } else {
      *failed = true;
    }
  };
  priv.loader.start (GST_ELEMENT (self),
      priv.settings.copy ().model.options<vlm::ModelOptions> (), loaded);
}

static void
gst_vlm_encode_stop (GstVlmEncode * self)
{
  GstVlmEncodePrivate &priv = *self->priv;
  priv.settings.running = false;
  priv.looker->stop ();
  priv.loader.cancel ();
}

static void
gst_vlm_encode_close (GstVlmEncode * self)
{
  self->priv->looker->drop_worker ();
  self->priv->loader.release ();
}

static GstStateChangeReturn
gst_vlm_encode_change_state (GstElement * element, GstStateChange transition)
{
  GstVlmEncode * self = GST_VLM_ENCODE (element);
  StateSteps steps;
  steps.open = [self] { gst_vlm_encode_open (self); };
  steps.start = [self] { gst_vlm_encode_start (self); };
  steps.stop = [self] { gst_vlm_encode_stop (self); };
  steps.close = [self] { gst_vlm_encode_close (self); };
  return change_state (element, transition, gst_vlm_encode_parent_class, steps);
}

// Properties

static GstStructure *
gst_vlm_encode_stats (GstVlmEncode * self)
{
  GstVlmEncodePrivate &priv = *self->priv;
  const Looker::Counters c = priv.looker->counters ();
  return gst_structure_new ("vlmencode-stats", "frames", G_TYPE_UINT64,
      priv.frames.load (), "due", G_TYPE_UINT64, priv.due.load (), "looked",
      G_TYPE_UINT64, c.looked, "dropped", G_TYPE_UINT64, c.dropped, "failed",
      G_TYPE_UINT64, c.failed, NULL);
}

static void
gst_vlm_encode_set_property (
    GObject * object, guint id, const GValue * value, GParamSpec * spec)
{
  GstVlmEncodePrivate &priv = *GST_VLM_ENCODE (object)->priv;
  priv.settings.set (GST_ELEMENT (object), id, value, spec);
}

static void
gst_vlm_encode_get_property (
    GObject * object, guint id, GValue * value, GParamSpec *)
{
  GstVlmEncode * self = GST_VLM_ENCODE (object);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vlm_encode_stats (self));
  else
    self->priv->settings.copy ().get (id, value);
}

// Type

static void
gst_vlm_encode_finalize (GObject * object)
{
  delete GST_VLM_ENCODE (object)->priv;
  G_OBJECT_CLASS (gst_vlm_encode_parent_class)->finalize (object);
}

static void
gst_vlm_encode_class_init (GstVlmEncodeClass * klass)
{
  GObjectClass * object_class = G_OBJECT_CLASS (klass);
  GstElementClass * element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass * trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = gst_vlm_encode_set_property;
  object_class->get_property = gst_vlm_encode_get_property;
  object_class->finalize = gst_vlm_encode_finalize;
  install_encoder_properties (object_class);

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_vlm_encode_change_state);
  gst_element_class_add_static_pad_template (
      element_class, &encode_sink_template);
  gst_element_class_add_static_pad_template (
      element_class, &encode_src_template);
  gst_element_class_set_static_metadata (element_class,
      "Vision encoder for captions", "Filter/Analyzer/Video",
      "Lets a vision-language model (Mini-Gemini) look at frames once for all "
      "vlmcaption elements behind it; video passes untouched",
      "The gst-vlm developers");

  never_drop_video (trans_class);
  trans_class->set_caps = GST_DEBUG_FUNCPTR (gst_vlm_encode_set_caps);
  trans_class->before_transform =
      GST_DEBUG_FUNCPTR (gst_vlm_encode_before_transform);
  trans_class->transform_ip = GST_DEBUG_FUNCPTR (gst_vlm_encode_transform_ip);
  trans_class->sink_event = GST_DEBUG_FUNCPTR (gst_vlm_encode_sink_event);

  register_tokens_meta ();
}

static void
gst_vlm_encode_init (GstVlmEncode * self)
{
  self->priv = new GstVlmEncodePrivate (self);
  GstBaseTransform * trans = GST_BASE_TRANSFORM (self);
  gst_base_transform_set_in_place (trans, TRUE);
  gst_base_transform_set_passthrough (trans, FALSE);
}
