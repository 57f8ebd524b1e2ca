// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * SECTION:element-vlmgenerate
 * @title: vlmgenerate
 * @short_description: Paints pictures from text
 *
 * vlmgenerate has an SDXL model, the embedded one unless
 * #GstVlmGenerate:model-path says otherwise, paint a picture for every text:
 * from the pad `prompt_src` of #GstVlmCaption, from any other text, from the
 * action #GstVlmGenerate::generate, or from the event `vlmgenerate/generate`.
 * Size, pixel format and frame rate are what downstream asks for; what it
 * leaves open becomes RGB, the size that the model was made for, and no frame
 * rate. A side that is no multiple of 8 is painted at the next one and cropped,
 * alike on both ends. Where pixels are not square, a picture is painted as it
 * is seen and then scaled.
 *
 * Everything leaves in the order in which it came: GAP, SEGMENT and EOS wait
 * for the pictures before them. The next picture is painted while one is
 * pushed. Empty texts are no prompts: a GAP stands for them.
 *
 * ## Time
 *
 * A buffer of text in a TIME segment is one prompt, for its PTS and duration.
 * Without a frame rate it becomes one buffer with both. With one it becomes
 * frames for as long as it lasts (#GstVlmGenerate:repeat), at least one, or
 * one frame and a GAP. A buffer without PTS begins where the picture before
 * ended.
 *
 * Text in any other segment (from filesrc or fdsrc) is a stream of bytes: every
 * line is a prompt. Its pictures, those behind live sources, and those of
 * prompts that came when there was no stream, are dated by the clock, from when
 * they are done, and with a frame rate repeated until the next one.
 *
 * A prompt that was over before its turn came is skipped and told by a QoS
 * message: live by the clock, live or with a #GstVlmGenerate:queue-policy that
 * drops by a QoS event from downstream. Otherwise every prompt is painted,
 * however late.
 *
 * ## What comes with a picture
 *
 * The meta `GstVlmGenerateMeta`, with `prompt`, `negative-prompt`, `seed`,
 * `steps`, `guidance`, `model`, `id`, and where they are known `pts` (the
 * prompt's) and `cut-tokens`. Every picture begins with the same
 * #GstVlmGenerate:seed: the same prompt gives the same bytes. With
 * #GstVlmGenerate:preview the message `vlmgenerate/preview` (`id`, `prompt`,
 * `step`, `steps`, `sample`) shows how it comes along.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 fdsrc ! text/x-raw,format=utf8 ! vlmgenerate !
 * videoconvert ! autovideosink sync=false
 * ]| Type a line, see a picture.
 * |[
 * gst-launch-1.0 filesrc location=FILE ! decodebin ! videoconvert !
 * vlmcaption name=v generate=always interval=10000000000 ! fakesink
 * v.prompt_src ! vlmgenerate model-path=SDXL ! pngenc !
 * multifilesink location=painted-%02d.png
 * ]| What the model sees in a video, painted, every ten seconds.
 *
 * Since: 0.1
 */

#include "gst-plugin/elements/gstvlmgenerate.h"

#include "gst-plugin/base/gstvlmengine.h"
#include "gst-plugin/base/modelloader.h"
#include "gst-plugin/elements/elementbase.h"
#include "gst-plugin/generate/generatemeta.h"
#include "gst-plugin/generate/promptentry.h"
#include "gst-plugin/settings/settingschecks.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN (vlm_debug);
#define GST_CAT_DEFAULT vlm_debug

using namespace gstvlm;

namespace
{

enum { SIGNAL_GENERATE, SIGNAL_COUNT };
guint generate_signals[SIGNAL_COUNT];

} // namespace

struct GstVlmGeneratePrivate {
  GstVlmGeneratePrivate (GstVlmGenerate * self, GstPad * src);

  BoxOf<GenerateSettings> settings;

  std::shared_ptr<PromptQueue> queue = std::make_shared<PromptQueue> ();
  std::shared_ptr<PaintFeed> feed;
  PictureOutlet outlet;
  PromptEntry entry;
  PainterLoader loader;
};

struct _GstVlmGenerate {
  GstElement parent;
  GstPad * sink;
  GstPad * src;
  GstVlmGeneratePrivate * priv;
};

G_DEFINE_TYPE (GstVlmGenerate, gst_vlm_generate, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (
    vlmgenerate, "vlmgenerate", GST_RANK_NONE, GST_TYPE_VLM_GENERATE)

static GstStaticPadTemplate generate_sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS ("text/x-raw, format=(string)utf8"));

static GstStaticPadTemplate generate_src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
        GST_STATIC_CAPS ("video/x-raw, "
                         "format=(string)" GST_VIDEO_FORMATS_ALL ", "
                         "width=(int)[1,32768], height=(int)[1,32768], "
                         "framerate=(fraction)[0/1,max], "
                         "interlace-mode=(string)progressive"));

// Previews

// The last step's is the picture itself.
static bool
gst_vlm_generate_wants_preview (
    GstVlmGenerate * self, const vlm::PaintStep &step)
{
  const guint every = self->priv->settings.copy ().preview;
  return every > 0 && step.step % every == 0 && step.step < step.steps;
}

static void
gst_vlm_generate_show_preview (GstVlmGenerate * self, const Prompt &prompt,
    const vlm::PaintStep &step, const vlm::Image &preview)
{
  GstSample * sample = sample_of (preview);
  GstStructure * s = gst_structure_new ("vlmgenerate/preview", "id",
      G_TYPE_UINT64, prompt.id, "prompt", G_TYPE_STRING, prompt.text.c_str (),
      "step", G_TYPE_UINT, static_cast<guint> (step.step), "steps", G_TYPE_UINT,
      static_cast<guint> (step.steps), "sample", GST_TYPE_SAMPLE, sample, NULL);
  gst_sample_unref (sample);
  gst_element_post_message (
      GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

// The feed outlives the element when the painter is busy: it knows it only
// weakly.
static PaintFeed::Watcher
gst_vlm_generate_watcher (GstVlmGenerate * self)
{
  const auto weak = std::make_shared<WeakElement> (GST_ELEMENT (self));
  PaintFeed::Watcher watcher;
  watcher.wants = [weak] (const vlm::PaintStep &step) {
    const Ptr<GstElement> element = weak->lock ();
    return element && gst_vlm_generate_wants_preview (
                          GST_VLM_GENERATE (element.get ()), step);
  };
  watcher.show = [weak] (const Prompt &prompt, const vlm::PaintStep &step,
                     const vlm::Image &preview) {
    if (const Ptr<GstElement> element = weak->lock ())
      gst_vlm_generate_show_preview (
          GST_VLM_GENERATE (element.get ()), prompt, step, preview);
  };
  return watcher;
}

GstVlmGeneratePrivate::GstVlmGeneratePrivate (
    GstVlmGenerate * self, GstPad * src)
    : feed (
          std::make_shared<PaintFeed> (queue, gst_vlm_generate_watcher (self))),
      outlet (GST_ELEMENT (self), src, queue, feed),
      entry (GST_ELEMENT (self), queue, outlet)
{
}

// Prompts

static GstFlowReturn
gst_vlm_generate_chain (GstPad *, GstObject * parent, GstBuffer * buffer)
{
  GstVlmGenerate * self = GST_VLM_GENERATE (parent);
  const Ptr<GstBuffer> owner (buffer);
  return guard (GST_ELEMENT (self), GST_FLOW_ERROR, [&] {
    GstVlmGeneratePrivate &priv = *self->priv;
    return priv.entry.buffer (self->sink, buffer, priv.settings.copy ());
  });
}

static guint64
gst_vlm_generate_call (GstVlmGenerate * self, const gchar * prompt)
{
  GstVlmGeneratePrivate &priv = *self->priv;
  return priv.entry.call (prompt, priv.settings.copy ());
}

// Events

static bool
gst_vlm_generate_asked (GstVlmGenerate * self, GstEvent * event)
{
  GstVlmGeneratePrivate &priv = *self->priv;
  return priv.entry.asked_by (event, priv.settings.copy ());
}

static void
gst_vlm_generate_loop (gpointer user_data)
{
  GstVlmGenerate * self = GST_VLM_GENERATE (user_data);
  GstVlmGeneratePrivate &priv = *self->priv;
  const bool on = guard (GST_ELEMENT (self), false,
      [&] { return priv.outlet.step (priv.settings.copy ()); });
  if (on)
    return;
  priv.queue->finish (GST_FLOW_ERROR); // does nothing when it ended otherwise
  gst_pad_pause_task (self->src);
}

static gboolean
gst_vlm_generate_flush_start (GstVlmGenerate * self, GstEvent * event)
{
  self->priv->queue->set_flushing (true);
  const gboolean pushed = gst_pad_push_event (self->src, event);
  gst_pad_pause_task (self->src);
  return pushed;
}

static gboolean
gst_vlm_generate_flush_stop (GstVlmGenerate * self, GstEvent * event)
{
  GstVlmGeneratePrivate &priv = *self->priv;
  const gboolean pushed = gst_pad_push_event (self->src, event);
  priv.entry.new_stream ();
  priv.outlet.set_earliest (0); // the task, which may run, forgets the rest
  priv.queue->set_flushing (false);
  if (gst_pad_is_active (self->src))
    gst_pad_start_task (self->src, gst_vlm_generate_loop, self, NULL);
  return pushed;
}

// True when the event shall follow the pictures.
static bool
gst_vlm_generate_handle_event (GstVlmGenerate * self, GstEvent * event)
{
  GstVlmGeneratePrivate &priv = *self->priv;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      priv.entry.new_stream ();
      return true;
    case GST_EVENT_CAPS:
      return false; // those of pictures are others
    case GST_EVENT_SEGMENT:
      return priv.entry.set_segment (event);
    case GST_EVENT_GAP:
      priv.entry.gap (event);
      return false;
    case GST_EVENT_EOS:
      priv.entry.end (priv.settings.copy ());
      return true;
    default:
      return !gst_vlm_generate_asked (self, event);
  }
}

static gboolean
gst_vlm_generate_sink_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstVlmGenerate * self = GST_VLM_GENERATE (parent);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    return gst_vlm_generate_flush_start (self, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    return gst_vlm_generate_flush_stop (self, event);
  Ptr<GstEvent> owner (event);
  if (!GST_EVENT_IS_SERIALIZED (event))
    return gst_vlm_generate_asked (self, event) ||
           gst_pad_event_default (pad, parent, owner.release ());
  return guard (GST_ELEMENT (self), gboolean{FALSE}, [&] {
    if (gst_vlm_generate_handle_event (self, event))
      self->priv->queue->event (std::move (owner));
    return gboolean{TRUE};
  });
}

static gboolean
gst_vlm_generate_src_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstVlmGenerate * self = GST_VLM_GENERATE (parent);
  Ptr<GstEvent> owner (event);
  if (gst_vlm_generate_asked (self, event))
    return TRUE;
  if (GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE)
    self->priv->queue->set_size (0, 0);
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
    GstClockTimeDiff late;
    GstClockTime timestamp;
    gst_event_parse_qos (event, NULL, NULL, &late, &timestamp);
    if (GST_CLOCK_TIME_IS_VALID (timestamp) && late > 0 &&
        self->priv->entry.may_lose (self->priv->settings.copy ()))
      self->priv->outlet.set_earliest (timestamp + late);
  }
  return gst_pad_event_default (pad, parent, owner.release ());
}

static gboolean
gst_vlm_generate_activate_mode (
    GstPad * pad, GstObject * parent, GstPadMode mode, gboolean active)
{
  GstVlmGenerate * self = GST_VLM_GENERATE (parent);
  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    return gst_pad_start_task (pad, gst_vlm_generate_loop, self, NULL);
  self->priv->queue->stop ();
  return gst_pad_stop_task (pad);
}

// States

// NULL -> READY: what can be said without loading.
static void
gst_vlm_generate_open (GstVlmGenerate * self)
{
  const GenerateSettings settings = self->priv->settings.copy ();
  check (settings);
  try {
    engine ().validate_painter (settings.model.options<vlm::PainterOptions> ());
  } catch (const vlm::Error &error) {
    if (settings.model.path)
      throw;
    vlm::fail (error.category (), "model-path is not set: ", error.what ());
  }
}

static void
gst_vlm_generate_start (GstVlmGenerate * self)
{
  GstVlmGeneratePrivate &priv = *self->priv;
  priv.entry.reset ();
  priv.outlet.reset ();
  priv.queue->start ();
  priv.settings.running = true;
  const auto loaded = [queue = priv.queue, feed = priv.feed] (
                          const std::shared_ptr<vlm::PaintWorker> &worker) {
    if (!worker)
      return queue->set_painter_failed (); // its cause was posted
    feed->set_worker (worker);
    queue->set_painter_ready ();
  };
  priv.loader.start (GST_ELEMENT (self),
      priv.settings.copy ().model.options<vlm::PainterOptions> (), loaded);
}

static void
gst_vlm_generate_stop (GstVlmGenerate * self)
{
  GstVlmGeneratePrivate &priv = *self->priv;
  priv.settings.running = false;
  priv.queue->stop ();
  priv.loader.cancel ();
}

static void
gst_vlm_generate_close (GstVlmGenerate * self)
{
  self->priv->feed->set_worker (nullptr);
  self->priv->loader.release ();
}

static GstStateChangeReturn
gst_vlm_generate_change_state (GstElement * element, GstStateChange transition)
{
  GstVlmGenerate * self = GST_VLM_GENERATE (element);
  StateSteps steps;
  steps.open = [self] { gst_vlm_generate_open (self); };
  steps.start = [self] { gst_vlm_generate_start (self); };
  steps.stop = [self] { gst_vlm_generate_stop (self); };
  steps.close = [self] { gst_vlm_generate_close (self); };
  return change_state (
      element, transition, gst_vlm_generate_parent_class, steps);
}

// Properties

static GstStructure *
gst_vlm_generate_stats (GstVlmGenerate * self)
{
  const PromptQueue::Counters c = self->priv->queue->counters ();
  return gst_structure_new ("vlmgenerate-stats", "prompts", G_TYPE_UINT64,
      c.prompts, "painted", G_TYPE_UINT64, c.painted, "dropped", G_TYPE_UINT64,
      c.dropped, "late", G_TYPE_UINT64, c.late, "failed", G_TYPE_UINT64,
      c.failed, "flushed", G_TYPE_UINT64, c.flushed, "queue", G_TYPE_UINT64,
      c.waiting, "frames", G_TYPE_UINT64, self->priv->outlet.frames (),
      "last-time", G_TYPE_UINT64, c.last_time, "average-time", G_TYPE_UINT64,
      c.painted ? c.total_time / c.painted : 0, NULL);
}

static void
gst_vlm_generate_set_property (
    GObject * object, guint id, const GValue * value, GParamSpec * spec)
{
  GstVlmGeneratePrivate &priv = *GST_VLM_GENERATE (object)->priv;
  priv.settings.set (GST_ELEMENT (object), id, value, spec);
}

static void
gst_vlm_generate_get_property (
    GObject * object, guint id, GValue * value, GParamSpec *)
{
  GstVlmGenerate * self = GST_VLM_GENERATE (object);
  if (id == PROP_GENERATE_STATS)
    g_value_take_boxed (value, gst_vlm_generate_stats (self));
  else
    self->priv->settings.copy ().get (id, value);
}

// Type

static void
gst_vlm_generate_finalize (GObject * object)
{
  delete GST_VLM_GENERATE (object)->priv;
  G_OBJECT_CLASS (gst_vlm_generate_parent_class)->finalize (object);
}

static void
gst_vlm_generate_install_signals (GstVlmGenerateClass * klass)
{
  /**
   * GstVlmGenerate::generate:
   * @self: the element
   * @prompt: what to paint, UTF-8
   *
   * Paints a picture after those whose prompts came before. Any thread, in the
   * states PAUSED and PLAYING. At most #GstVlmGenerate:max-pending wait.
   *
   * Returns: the picture's `id` in `GstVlmGenerateMeta`; 0, and a warning, when
   *   the prompt was refused
   *
   * Since: 0.1
   */
  generate_signals[SIGNAL_GENERATE] =
      g_signal_new_class_handler ("generate", G_TYPE_FROM_CLASS (klass),
          static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
          G_CALLBACK (gst_vlm_generate_call), NULL, NULL, NULL, G_TYPE_UINT64,
          1, G_TYPE_STRING);
}

static void
gst_vlm_generate_class_init (GstVlmGenerateClass * klass)
{
  GObjectClass * object_class = G_OBJECT_CLASS (klass);
  GstElementClass * element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_vlm_generate_set_property;
  object_class->get_property = gst_vlm_generate_get_property;
  object_class->finalize = gst_vlm_generate_finalize;
  install_generate_properties (object_class);
  gst_vlm_generate_install_signals (klass);

  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_vlm_generate_change_state);
  gst_element_class_add_static_pad_template (
      element_class, &generate_sink_template);
  gst_element_class_add_static_pad_template (
      element_class, &generate_src_template);
  gst_element_class_set_static_metadata (element_class, "Pictures from text",
      "Converter/Text/Video",
      "Paints a picture for every text, with a diffusion model (SDXL)",
      "The gst-vlm developers");
  register_generate_meta ();
}

static void
gst_vlm_generate_init (GstVlmGenerate * self)
{
  self->sink =
      gst_pad_new_from_static_template (&generate_sink_template, "sink");
  gst_pad_set_chain_function (
      self->sink, GST_DEBUG_FUNCPTR (gst_vlm_generate_chain));
  gst_pad_set_event_function (
      self->sink, GST_DEBUG_FUNCPTR (gst_vlm_generate_sink_event));

  self->src = gst_pad_new_from_static_template (&generate_src_template, "src");
  gst_pad_set_event_function (
      self->src, GST_DEBUG_FUNCPTR (gst_vlm_generate_src_event));
  gst_pad_set_activatemode_function (
      self->src, GST_DEBUG_FUNCPTR (gst_vlm_generate_activate_mode));

  self->priv = new GstVlmGeneratePrivate (self, self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}
