// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/record/gstvlmrecord.h"

#include <cmath>
#include <mutex>

namespace gstvlm
{
namespace
{

constexpr guint kSchema = 1;

GstClockTime
nanoseconds (double seconds)
{
  return seconds > 0 ? static_cast<GstClockTime> (seconds * GST_SECOND) : 0;
}

void
put (GstStructure * s, const char * field, guint64 value)
{
  gst_structure_set (s, field, G_TYPE_UINT64, value, NULL);
}

void
put_time (GstStructure * s, const char * field, GstClockTime time)
{
  if (GST_CLOCK_TIME_IS_VALID (time))
    put (s, field, time);
}

void
put (GstStructure * s, const char * field, const std::string &text)
{
  gst_structure_set (s, field, G_TYPE_STRING, text.c_str (), NULL);
}

void
put_text (GstStructure * s, const char * field, const std::string &text)
{
  if (!text.empty ())
    put (s, field, text);
}

void
put_frames (GstStructure * s, const std::vector<GstClockTime> &frames)
{
  GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_ARRAY);
  g_value_init (&item, G_TYPE_UINT64);
  for (const GstClockTime pts : frames) {
    g_value_set_uint64 (&item, pts);
    gst_value_array_append_value (&list, &item);
  }
  gst_structure_take_value (s, "frames", &list);
  g_value_unset (&item);
}

void
put_region (GstStructure * s, const Region &region)
{
  GstStructure * r = gst_structure_new_empty ("region");
  put (r, "x", static_cast<guint64> (region.place.x));
  put (r, "y", static_cast<guint64> (region.place.y));
  put (r, "width", static_cast<guint64> (region.place.width));
  put (r, "height", static_cast<guint64> (region.place.height));
  put_text (r, "label", region.label);
  if (region.id >= 0)
    put (r, "id", static_cast<guint64> (region.id));
  gst_structure_set (s, "region", GST_TYPE_STRUCTURE, r, NULL);
  gst_structure_free (r);
}

void
put_answer (GstStructure * s, const Answer &answer)
{
  put (s, "stop-reason", std::string (answer.stop_reason));
  put (s, "prompt-digest", answer.prompt_digest);
  put (s, "prompt-tokens", answer.prompt_tokens);
  put (s, "output-tokens", answer.output_tokens);
  put (s, "truncated-tokens", answer.truncated_tokens);
  put (s, "preprocess-time", answer.preprocess_time);
  put (s, "vision-time", answer.vision_time);
  put (s, "prefill-time", answer.prefill_time);
  put (s, "decode-time", answer.decode_time);
  if (answer.confidence)
    gst_structure_set (
        s, "confidence", G_TYPE_DOUBLE, *answer.confidence, NULL);
  put_text (s, "generation-prompt", answer.generation_prompt);
  put_text (s, "ocr-text", answer.ocr_text);
}

const char *
stop_reason (vlm::StopReason reason)
{
  switch (reason) {
    case vlm::StopReason::Eos:
      return "eos";
    case vlm::StopReason::Length:
      return "length";
    case vlm::StopReason::Cancelled:
      break;
  }
  return "cancelled";
}

// Mean probability of the tokens, absent without any.
std::optional<double>
confidence (const std::vector<double> &logprobs)
{
  if (logprobs.empty ())
    return std::nullopt;
  double sum = 0;
  for (const double logprob : logprobs)
    sum += std::exp (logprob);
  return sum / static_cast<double> (logprobs.size ());
}

std::string
sha256 (const std::string &text)
{
  gchar * hex = g_compute_checksum_for_string (
      G_CHECKSUM_SHA256, text.data (), text.size ());
  std::string out = hex;
  g_free (hex);
  return out;
}

gboolean
copy_field (GQuark field, const GValue * value, gpointer target)
{
  gst_structure_id_set_value (
      static_cast<GstStructure *> (target), field, value);
  return TRUE;
}

} // namespace

const char *
name (Status status)
{
  switch (status) {
    case Status::Ok:
      return "ok";
    case Status::Truncated:
      return "truncated";
    case Status::SkippedUnchanged:
      return "skipped-unchanged";
    case Status::Dropped:
      return "dropped";
    case Status::Undecodable:
      return "undecodable";
    case Status::Failed:
      break;
  }
  return "failed";
}

Status
status_of (const std::exception_ptr &error) noexcept
{
  try {
    std::rethrow_exception (error);
  } catch (const FrameError &) {
    return Status::Undecodable;
  } catch (...) {
    return Status::Failed;
  }
}

std::string
valid_utf8 (const std::string &text)
{
  gchar * valid = g_utf8_make_valid (text.data (), text.size ());
  std::string out = valid;
  g_free (valid);
  return out;
}

void
fill_answer (
    CaptionRecord &record, const vlm::Result &result, GstClockTime waited)
{
  Answer answer;
  answer.stop_reason = stop_reason (result.stop_reason);
  answer.prompt_digest = sha256 (result.prompt);
  answer.generation_prompt = valid_utf8 (result.generation_prompt);
  answer.ocr_text = valid_utf8 (result.ocr_text);
  answer.prompt_tokens = result.prompt_positions;
  answer.output_tokens = result.output_ids.size ();
  answer.truncated_tokens = result.truncated_positions;
  answer.preprocess_time = nanoseconds (result.timings.preprocess);
  answer.vision_time = nanoseconds (result.timings.vision);
  answer.prefill_time = nanoseconds (result.timings.prefill);
  answer.decode_time = nanoseconds (result.timings.decode);
  answer.confidence = confidence (result.token_logprobs);
  const GstClockTime worked = answer.preprocess_time + answer.vision_time +
                              answer.prefill_time + answer.decode_time;
  record.queue_time = waited > worked ? waited - worked : 0;
  record.text = valid_utf8 (result.text);
  const bool cut = result.stop_reason != vlm::StopReason::Eos ||
                   result.truncated_positions > 0;
  record.status = cut ? Status::Truncated : Status::Ok;
  record.answer = std::move (answer);
}

Ptr<GstStructure>
to_structure (const CaptionRecord &record, const char * structure_name)
{
  GstStructure * s = gst_structure_new_empty (structure_name);
  gst_structure_set (s, "schema", G_TYPE_UINT, kSchema, NULL);
  put (s, "id", record.id);
  put (s, "sequence", record.sequence);
  if (record.ask_id)
    put (s, "ask-id", record.ask_id);
  put (s, "text", record.text);
  put (s, "question", record.question);
  put (s, "status", std::string (name (record.status)));
  put_time (s, "pts", record.pts);
  put_time (s, "duration", record.duration);
  put_time (s, "window-start", record.window_start);
  put_time (s, "window-end", record.window_end);
  put_time (s, "stream-time", record.stream_time);
  put_time (s, "running-time", record.running_time);
  put_time (s, "wall-clock", record.wall_clock);
  put_frames (s, record.frames);
  if (record.region)
    put_region (s, *record.region);
  put_text (s, "model", record.model);
  put_text (s, "model-digest", record.model_digest);
  gst_structure_set (s, "temperature", G_TYPE_DOUBLE,
      record.sampling.temperature, "top-p", G_TYPE_DOUBLE,
      record.sampling.top_p, NULL);
  put (s, "top-k", static_cast<guint64> (record.sampling.top_k));
  put (s, "seed", record.sampling.seed);
  put (s, "max-tokens", static_cast<guint64> (record.max_tokens));
  put_time (s, "queue-time", record.queue_time);
  if (record.answer)
    put_answer (s, *record.answer);
  put_text (s, "error", record.error);
  return Ptr<GstStructure> (s);
}

void
register_caption_meta ()
{
  // No tags: a caption of the whole picture survives scaling and conversion.
  static std::once_flag once;
  std::call_once (once, [] {
    static const gchar * tags[] = {NULL};
    gst_meta_register_custom (kCaptionMeta, tags, NULL, NULL, NULL);
  });
}

void
add_caption_meta (GstBuffer * buffer, const GstStructure * record,
    const char * state, GstClockTime age,
    const std::vector<const GstStructure *> &all)
{
  GstCustomMeta * meta = gst_buffer_add_custom_meta (buffer, kCaptionMeta);
  GstStructure * s = gst_custom_meta_get_structure (meta);
  gst_structure_foreach (record, copy_field, s);
  gst_structure_set (
      s, "state", G_TYPE_STRING, state, "age", G_TYPE_UINT64, age, NULL);
  if (all.empty ())
    return;
  GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_ARRAY);
  g_value_init (&item, GST_TYPE_STRUCTURE);
  for (const GstStructure * each : all) {
    gst_value_set_structure (&item, each);
    gst_value_array_append_value (&list, &item);
  }
  gst_structure_take_value (s, "records", &list);
  g_value_unset (&item);
}

} // namespace gstvlm
