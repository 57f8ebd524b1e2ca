// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/gstvlmsettings.h"

#include "gst-plugin/settings/captionproperties.h"
#include "gst-plugin/settings/properties.h"

namespace gstvlm
{

void
Settings::set (guint property, const GValue * value)
{
  ++version;
  prompt_version += property == PROP_PROMPT || property == PROP_QUESTIONS ||
                    property == PROP_SYSTEM_PROMPT ||
                    property == PROP_REGION_PROMPT;
  if (model.set (property, value))
    return;
  // clang-format off
  switch (property) {
    case PROP_TEMPLATE: template_name = string_of (value); break;
    case PROP_MODE:
      mode = static_cast<GstVlmCaptionMode> (g_value_get_enum (value)); break;
    case PROP_PROMPT: prompt = string_of (value); break;
    case PROP_SYSTEM_PROMPT: system_prompt = optional_of (value); break;
    case PROP_QUESTIONS: questions = strings_of (value); break;
    case PROP_REGION_PROMPT: region_prompt = string_of (value); break;
    case PROP_MAX_REGIONS: max_regions = g_value_get_uint (value); break;
    case PROP_INTERVAL:
      interval = g_value_get_uint64 (value);
      interval_is_set = true;
      break;
    case PROP_WINDOW: window = g_value_get_uint64 (value); break;
    case PROP_OVERLAP: overlap = g_value_get_uint64 (value); break;
    case PROP_FRAMES: frames = g_value_get_uint (value); break;
    case PROP_MAX_TOKENS: max_tokens = g_value_get_uint (value); break;
    case PROP_TEMPERATURE: temperature = g_value_get_double (value); break;
    case PROP_TOP_K: top_k = g_value_get_uint (value); break;
    case PROP_TOP_P: top_p = g_value_get_double (value); break;
    case PROP_SEED: seed = g_value_get_uint64 (value); break;
    case PROP_GENERATE:
      generate = static_cast<GstVlmGenerateMode> (g_value_get_enum (value)); break;
    case PROP_JSON_SCHEMA: json_schema = string_of (value); break;
    case PROP_OCR: ocr = g_value_get_boolean (value); break;
    case PROP_HISTORY: history = g_value_get_uint (value); break;
    case PROP_REUSE: reuse = g_value_get_flags (value); break;
    case PROP_QUEUE_SIZE: queue_size = g_value_get_uint (value); break;
    case PROP_QUEUE_POLICY:
      queue_policy = static_cast<GstVlmQueuePolicy> (g_value_get_enum (value));
      break;
    case PROP_CHANGE_THRESHOLD:
      change_threshold = g_value_get_double (value); break;
    case PROP_MAX_SILENCE: max_silence = g_value_get_uint64 (value); break;
    case PROP_LATENCY: latency = g_value_get_uint64 (value); break;
    case PROP_LOOK_BACK: look_back = g_value_get_uint64 (value); break;
    case PROP_LOOK_BACK_BYTES: look_back_bytes = g_value_get_uint64 (value); break;
    case PROP_REPEAT_CAPTION: repeat_caption = g_value_get_boolean (value); break;
    case PROP_POST_MESSAGES: post_messages = g_value_get_boolean (value); break;
    case PROP_ON_ERROR:
      on_error = static_cast<GstVlmOnError> (g_value_get_enum (value)); break;
    default: break;
  }
  // clang-format on
}

void
Settings::get (guint property, GValue * value) const
{
  if (model.get (property, value))
    return;
  // clang-format off
  switch (property) {
    case PROP_TEMPLATE: put (value, template_name); break;
    case PROP_MODE: g_value_set_enum (value, mode); break;
    case PROP_PROMPT: put (value, prompt); break;
    case PROP_SYSTEM_PROMPT: put (value, system_prompt); break;
    case PROP_QUESTIONS: put (value, questions); break;
    case PROP_REGION_PROMPT: put (value, region_prompt); break;
    case PROP_MAX_REGIONS: g_value_set_uint (value, max_regions); break;
    case PROP_INTERVAL: g_value_set_uint64 (value, interval); break;
    case PROP_WINDOW: g_value_set_uint64 (value, window); break;
    case PROP_OVERLAP: g_value_set_uint64 (value, overlap); break;
    case PROP_FRAMES: g_value_set_uint (value, frames); break;
    case PROP_MAX_TOKENS: g_value_set_uint (value, max_tokens); break;
    case PROP_TEMPERATURE: g_value_set_double (value, temperature); break;
    case PROP_TOP_K: g_value_set_uint (value, top_k); break;
    case PROP_TOP_P: g_value_set_double (value, top_p); break;
    case PROP_SEED: g_value_set_uint64 (value, seed); break;
    case PROP_GENERATE: g_value_set_enum (value, generate); break;
    case PROP_JSON_SCHEMA: put (value, json_schema); break;
    case PROP_OCR: g_value_set_boolean (value, ocr); break;
    case PROP_HISTORY: g_value_set_uint (value, history); break;
    case PROP_REUSE: g_value_set_flags (value, reuse); break;
    case PROP_QUEUE_SIZE: g_value_set_uint (value, queue_size); break;
    case PROP_QUEUE_POLICY: g_value_set_enum (value, queue_policy); break;
    case PROP_CHANGE_THRESHOLD: g_value_set_double (value, change_threshold); break;
    case PROP_MAX_SILENCE: g_value_set_uint64 (value, max_silence); break;
    case PROP_LATENCY: g_value_set_uint64 (value, latency); break;
    case PROP_LOOK_BACK: g_value_set_uint64 (value, look_back); break;
    case PROP_LOOK_BACK_BYTES: g_value_set_uint64 (value, look_back_bytes); break;
    case PROP_REPEAT_CAPTION: g_value_set_boolean (value, repeat_caption); break;
    case PROP_POST_MESSAGES: g_value_set_boolean (value, post_messages); break;
    case PROP_ON_ERROR: g_value_set_enum (value, on_error); break;
    default: break;
  }
  // clang-format on
}

std::vector<std::string>
Settings::asked () const
{
  return questions.empty () ? std::vector<std::string>{prompt} : questions;
}

// The caption of a window comes when the window is over, the next one a step
// later.
GstClockTime
Settings::stale_after () const
{
  return window > 0 ? window + 2 * (window - overlap) : 2 * interval;
}

// As old is the last of those that wait when one an interval is served. Without
// a queue nothing newer is there in its place, and with a gate what is newer
// looks the same.
GstClockTime
Settings::longest_wait () const
{
  if (queue_size == 0 || change_threshold > 0)
    return 0;
  const guint64 step = window > 0 ? window - overlap : interval;
  return gst_util_uint64_scale (step, queue_size + guint64{1}, 1);
}

vlm::Request
Settings::request () const
{
  vlm::Request out;
  out.system = system_prompt;
  out.template_name = template_name;
  out.max_tokens = max_tokens;
  out.sampling = {temperature, top_k, top_p, seed};
  out.json_schema = json_schema;
  out.ocr = ocr;
  out.reuse.draft = reuse & GST_VLM_REUSE_DRAFT;
  out.reuse.prefix = reuse & GST_VLM_REUSE_PREFIX;
  out.reuse.vision = reuse & GST_VLM_REUSE_VISION;
  out.reuse.batch = reuse & GST_VLM_REUSE_BATCH;
  return out;
}

// One that asks for it by itself does not ask twice.
bool
Settings::adds_prompt_to (const std::string &question) const
{
  return generate == GST_VLM_GENERATE_MODE_ALWAYS &&
         question.find ("<GEN>") == std::string::npos;
}

} // namespace gstvlm
