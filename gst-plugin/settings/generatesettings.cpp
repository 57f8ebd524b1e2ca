// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/generatesettings.h"

#include "gst-plugin/settings/properties.h"

namespace gstvlm
{
namespace
{

constexpr guint kMostSteps = 1000; // that SDXL's noise was trained with

constexpr ModelBlurbs kPainterBlurbs = {
    "Directory of an SDXL model in diffusers layout (model_index.json, "
    "unet, vae, text encoders, tokenizers, scheduler). Unset: the embedded "
    "painter, or the one that the environment variable GST_VLM_PAINTER names. "
    "Elements with the same path, device and precision share one loaded model",
    "Where the model runs: cpu is the only one so far. Never changed "
    "silently: a device that is not there is an error",
    "Number format of the weights; those of the VAE and all activations are "
    "float32",
    "Processor threads of this element's pictures. 0: all that the "
    "process may use (affinity and cgroup limits are honoured)",
};

void
install_picture_properties (GObjectClass * klass, const GenerateSettings &d)
{
  g_object_class_install_property (klass, PROP_GENERATE_STEPS,
      g_param_spec_uint ("steps", "Steps",
          "How often noise is taken away: the time of a picture grows with it. "
          "Counts for prompts that come from now on",
          1, kMostSteps, d.steps, kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_GUIDANCE,
      g_param_spec_double ("guidance", "Guidance",
          "How closely the picture follows its prompt. Up to 1 the negative "
          "prompt has no part in it, and a step takes half the time",
          0, 1000, d.guidance, kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_NEGATIVE_PROMPT,
      g_param_spec_string ("negative-prompt", "Negative prompt",
          "What pictures should not show; may be empty",
          d.negative_prompt.c_str (), kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_SEED,
      g_param_spec_uint64 ("seed", "Seed",
          "Where the noise that every picture begins with comes from, the same "
          "for each: the same prompt, settings and seed give the same bytes on "
          "the same machine",
          0, G_MAXUINT64, d.seed, kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_KEEP_LOADED,
      g_param_spec_boolean ("keep-loaded", "Keep loaded",
          "Keep the text encoders in memory. FALSE: they are freed once a "
          "prompt is encoded, and read again for the next one",
          d.keep_loaded, kPlaying));
}

void
install_stream_properties (GObjectClass * klass, const GenerateSettings &d)
{
  g_object_class_install_property (klass, PROP_GENERATE_REPEAT,
      g_param_spec_boolean ("repeat", "Repeat",
          "With a frame rate in the caps: send a picture again as long as its "
          "prompt lasts, behind a live source until the next one is done. "
          "FALSE: one frame, and GAP events. Nothing where the frame rate is 0",
          d.repeat, kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_PREVIEW,
      g_param_spec_uint ("preview", "Preview",
          "Post the picture as it is every so many steps, as an element "
          "message named vlmgenerate/preview with a sample. Each takes a "
          "decoding, the time of some steps. 0: none",
          0, kMostSteps, d.preview, kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_QUEUE_SIZE,
      g_param_spec_uint ("queue-size", "Queue size",
          "How many prompts of the stream may wait for the painter behind the "
          "one being painted",
          1, 1000, d.queue_size, kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_QUEUE_POLICY,
      g_param_spec_enum ("queue-policy", "Queue policy",
          "What happens when a prompt comes and the queue is full: behind a "
          "live source auto is drop-oldest, else block. One that is dropped is "
          "counted in stats, told by a QoS message, and a GAP event stands in "
          "its place",
          gst_vlm_queue_policy_get_type (), d.queue_policy, kReady));
  g_object_class_install_property (klass, PROP_GENERATE_MAX_PENDING,
      g_param_spec_uint ("max-pending", "Max pending",
          "How many prompts of the action generate and the event "
          "vlmgenerate/generate may wait; more are refused with a warning",
          1, 100000, d.max_pending, kPlaying));
  g_object_class_install_property (klass, PROP_GENERATE_ON_ERROR,
      g_param_spec_enum ("on-error", "On error",
          "What a prompt does that is no valid text or cannot be painted; "
          "after a warning a GAP stands in its place. A model that cannot be "
          "loaded is always an error",
          gst_vlm_on_error_get_type (), d.on_error, kPlaying));
  install_stats (klass, PROP_GENERATE_STATS,
      "Counters since the last start (prompts, painted, dropped by the "
      "queue policy, late: skipped because they were over, failed, "
      "flushed: forgotten by a flush or a stop, queue: waiting now, "
      "frames) and how long pictures took (last-time, average-time, "
      "nanoseconds)");
}

} // namespace

void
install_generate_properties (GObjectClass * klass)
{
  const GenerateSettings defaults;
  install_model_properties (
      klass, kPainterBlurbs, gst_vlm_painter_precision_get_type ());
  install_picture_properties (klass, defaults);
  install_stream_properties (klass, defaults);
  mark_as_plugin_api (
      {gst_vlm_queue_policy_get_type (), gst_vlm_on_error_get_type ()});
}

void
GenerateSettings::set (guint property, const GValue * value)
{
  if (model.set (property, value))
    return;
  // clang-format off
  switch (property) {
    case PROP_GENERATE_STEPS: steps = g_value_get_uint (value); break;
    case PROP_GENERATE_GUIDANCE: guidance = g_value_get_double (value); break;
    case PROP_GENERATE_NEGATIVE_PROMPT: negative_prompt = string_of (value); break;
    case PROP_GENERATE_SEED: seed = g_value_get_uint64 (value); break;
    case PROP_GENERATE_KEEP_LOADED: keep_loaded = g_value_get_boolean (value); break;
    case PROP_GENERATE_REPEAT: repeat = g_value_get_boolean (value); break;
    case PROP_GENERATE_PREVIEW: preview = g_value_get_uint (value); break;
    case PROP_GENERATE_QUEUE_SIZE: queue_size = g_value_get_uint (value); break;
    case PROP_GENERATE_QUEUE_POLICY:
      queue_policy = static_cast<GstVlmQueuePolicy> (g_value_get_enum (value));
      break;
    case PROP_GENERATE_MAX_PENDING: max_pending = g_value_get_uint (value); break;
    case PROP_GENERATE_ON_ERROR:
      on_error = static_cast<GstVlmOnError> (g_value_get_enum (value)); break;
    default: break;
  }
  // clang-format on
}

void
GenerateSettings::get (guint property, GValue * value) const
{
  if (model.get (property, value))
    return;
  // clang-format off
  switch (property) {
    case PROP_GENERATE_STEPS: g_value_set_uint (value, steps); break;
    case PROP_GENERATE_GUIDANCE: g_value_set_double (value, guidance); break;
    case PROP_GENERATE_NEGATIVE_PROMPT: put (value, negative_prompt); break;
    case PROP_GENERATE_SEED: g_value_set_uint64 (value, seed); break;
    case PROP_GENERATE_KEEP_LOADED: g_value_set_boolean (value, keep_loaded); break;
    case PROP_GENERATE_REPEAT: g_value_set_boolean (value, repeat); break;
    case PROP_GENERATE_PREVIEW: g_value_set_uint (value, preview); break;
    case PROP_GENERATE_QUEUE_SIZE: g_value_set_uint (value, queue_size); break;
    case PROP_GENERATE_QUEUE_POLICY: g_value_set_enum (value, queue_policy); break;
    case PROP_GENERATE_MAX_PENDING: g_value_set_uint (value, max_pending); break;
    case PROP_GENERATE_ON_ERROR: g_value_set_enum (value, on_error); break;
    default: break;
  }
  // clang-format on
}

vlm::PaintRequest
GenerateSettings::request () const
{
  vlm::PaintRequest out;
  out.negative_prompt = negative_prompt;
  out.steps = steps;
  out.guidance = guidance;
  out.seed = seed;
  out.keep_loaded = keep_loaded;
  return out;
}

} // namespace gstvlm
