// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/captionproperties.h"

#include "gst-plugin/settings/gstvlmsettings.h"
#include "gst-plugin/settings/properties.h"

namespace gstvlm
{
namespace
{

// PTS arithmetic adds a few of these; half the range keeps every sum inside 64
// bits.
constexpr guint64 kMaxTime = G_MAXINT64;
constexpr guint64 kMaxWindow = kMaxTime / 4;
constexpr guint kMaxFrames = 16;
constexpr guint kMostTurns = 100;

// Alike in vlmcaption and vlmencode.
constexpr ModelBlurbs kCaptionModelBlurbs = {
    "Directory of a Mini-Gemini checkpoint as it was released "
    "(config.json, safetensors, tokenizer). Unset: the embedded model. "
    "Elements with the same path, device and precision share one loaded "
    "model",
    "Where the model runs: cpu, cuda or cuda:N. Never changed silently: "
    "a device that is not there is an error",
    "Number format of the weights, and of products with int8 and int4 "
    "ones (on the CPU only)",
    "Processor threads of the model. 0: all that the process may use "
    "(affinity and cgroup limits are honoured)",
};

void
install_question_properties (GObjectClass * klass, const Settings &d)
{
  g_object_class_install_property (klass, PROP_TEMPLATE,
      g_param_spec_string ("template", "Template",
          "Name of the conversation template, for example gemma or vicuna_v1. "
          "Empty: the checkpoint's own",
          "", kPlaying));
  g_object_class_install_property (klass, PROP_PROMPT,
      g_param_spec_string ("prompt", "Prompt",
          "The question that is asked about every analysed frame, used byte "
          "for byte but for placeholders: {time} (position in the stream as "
          "HH:MM:SS.mmm), {pts} (nanoseconds), {previous} (the last answer to "
          "the same prompt, empty at first), {stream} (stream id). {{ and }} "
          "are braces",
          d.prompt.c_str (), kPlaying));
  g_object_class_install_property (klass, PROP_SYSTEM_PROMPT,
      g_param_spec_string ("system-prompt", "System prompt",
          "System text in place of the template's own. Unset: the template's",
          NULL, kPlaying));
  g_object_class_install_property (klass, PROP_QUESTIONS,
      gst_param_spec_array ("questions", "Questions",
          "Several questions about every analysed frame, in place of the "
          "prompt, with the same placeholders: one record for each, in this "
          "order. In gst-launch "
          "questions=\"<\\\"first?\\\",\\\"second?\\\">\". Empty: the prompt "
          "alone",
          g_param_spec_string ("question", "Question",
              "A question, like prompt", NULL, kPlaying),
          kPlaying));
  g_object_class_install_property (klass, PROP_REGION_PROMPT,
      g_param_spec_string ("region-prompt", "Region prompt",
          "A question about every region that upstream detected on an analysed "
          "frame (on a window's first), besides the others; the model sees "
          "that part of the picture alone. Like prompt, and {label} is the "
          "region's. Empty: none",
          "", kPlaying));
  g_object_class_install_property (klass, PROP_MAX_REGIONS,
      g_param_spec_uint ("max-regions", "Max regions",
          "How many regions of a frame are asked about at most, the largest "
          "first; stats counts those that are left out. Counts only with a "
          "region-prompt",
          1, 1000, d.max_regions, kPlaying));
  g_object_class_install_property (klass, PROP_MAX_TOKENS,
      g_param_spec_uint ("max-tokens", "Max tokens",
          "Longest answer in tokens; a longer one is cut and its record has "
          "the status truncated",
          1, 65536, d.max_tokens, kPlaying));
  g_object_class_install_property (klass, PROP_TEMPERATURE,
      g_param_spec_double ("temperature", "Temperature",
          "How freely tokens are drawn. 0: always the most probable one "
          "(greedy), then top-k, top-p and seed have no say",
          0, 100, d.temperature, kPlaying));
  g_object_class_install_property (klass, PROP_TOP_K,
      g_param_spec_uint ("top-k", "Top k",
          "Draw among this many most probable tokens only. 0: no limit", 0,
          G_MAXINT, d.top_k, kPlaying));
  g_object_class_install_property (klass, PROP_TOP_P,
      g_param_spec_double ("top-p", "Top p",
          "Draw among the most probable tokens that together reach this "
          "probability. 1: no limit",
          1e-6, 1, d.top_p, kPlaying));
  g_object_class_install_property (klass, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed",
          "Start of the random numbers of every answer: the same frame, "
          "settings and seed give the same answer",
          0, G_MAXUINT64, d.seed, kPlaying));
}

void
install_generation_properties (GObjectClass * klass, const Settings &d)
{
  g_object_class_install_property (klass, PROP_GENERATE,
      g_param_spec_enum ("generate", "Generate",
          "Whether answers may hold a prompt for an image generator, which the "
          "model writes as <h>...</h>: it becomes the record's field "
          "generation-prompt and a buffer on the pad prompt_src",
          gst_vlm_generate_mode_get_type (), d.generate, kPlaying));
  g_object_class_install_property (klass, PROP_JSON_SCHEMA,
      g_param_spec_string ("json-schema", "JSON schema",
          "JSON Schema that answers fit: then they are compact JSON, or fail. "
          "Understood are type, properties, required, additionalProperties, "
          "items, minItems, maxItems, minLength, maxLength, minimum and "
          "maximum of integers, enum, const and anyOf. Empty: answers are free "
          "text",
          "", kPlaying));
  g_object_class_install_property (klass, PROP_OCR,
      g_param_spec_boolean ("ocr", "OCR",
          "Read the text in the pictures (by Tesseract) and put it behind the "
          "question. It comes from whoever wrote it there: do not trust what "
          "the model makes of it. The record's field ocr-text holds it",
          d.ocr, kPlaying));
  g_object_class_install_property (klass, PROP_HISTORY,
      g_param_spec_uint ("history", "History",
          "How many earlier answers to the same question the model is reminded "
          "of, as a conversation about the frame that it sees now. All are "
          "forgotten when a stream or segment begins, at a flush and when the "
          "questions change; those that do not fit into the model's context "
          "beside max-tokens are left out, oldest first. 0: every question "
          "stands alone",
          0, kMostTurns, d.history, kPlaying));
  g_object_class_install_property (klass, PROP_REUSE,
      g_param_spec_flags ("reuse", "Reuse",
          "What need not be computed again: the beginning of a prompt that was "
          "read before (prefix), a picture that was seen before (vision), "
          "tokens that earlier answers foretell, which are checked several at "
          "a "
          "time (draft), and what answers under way at the same time can share "
          "(batch). Answers stay the same and come sooner; stats counts "
          "what was saved. none is for measuring",
          gst_vlm_reuse_get_type (), d.reuse, kPlaying));
}

void
install_interval (GObjectClass * klass, const Settings &d)
{
  g_object_class_install_property (klass, PROP_INTERVAL,
      g_param_spec_uint64 ("interval", "Interval",
          "One frame is due every so many nanoseconds of PTS, counted from the "
          "segment's start. 0: every frame",
          0, kMaxTime, d.interval, kPlaying));
}

void
install_time_properties (GObjectClass * klass, const Settings &d)
{
  g_object_class_install_property (klass, PROP_MODE,
      g_param_spec_enum ("mode", "Mode",
          "Whether video waits for captions. auto asks upstream by a LATENCY "
          "query at the first frame of a stream",
          gst_vlm_caption_mode_get_type (), d.mode, kReady));
  install_interval (klass, d);
  g_object_class_install_property (klass, PROP_WINDOW,
      g_param_spec_uint64 ("window", "Window",
          "Ask about stretches of so many nanoseconds of PTS, in place of "
          "single frames; they are counted from the segment's start. Not "
          "together with interval. 0: one frame every interval",
          0, kMaxWindow, d.window, kReady));
  g_object_class_install_property (klass, PROP_OVERLAP,
      g_param_spec_uint64 ("overlap", "Overlap",
          "A window begins so many nanoseconds before the one before it ends. "
          "Shorter than window, and at most 64 windows may overlap",
          0, kMaxWindow, d.overlap, kReady));
  g_object_class_install_property (klass, PROP_FRAMES,
      g_param_spec_uint ("frames", "Frames",
          "Frames that are shown to the model per window: the first of each of "
          "so many equal parts. Fewer are used, with a warning, when the "
          "model's context has no room for them",
          1, kMaxFrames, d.frames, kReady));
  g_object_class_install_property (klass, PROP_QUEUE_SIZE,
      g_param_spec_uint ("queue-size", "Queue size",
          "How many due frames may wait for the model behind the one being "
          "analysed. 0: a frame is taken only when the model is free. In sync "
          "mode the stream itself waits and the queue stays empty",
          0, 1000, d.queue_size, kPlaying));
  g_object_class_install_property (klass, PROP_QUEUE_POLICY,
      g_param_spec_enum ("queue-policy", "Queue policy",
          "What happens when a frame is due and the queue is full: in async "
          "mode auto is drop-oldest, in sync mode block. A frame that is "
          "dropped here is dropped from analysis only: it is counted in stats "
          "and told by a QoS message and a record with the status dropped. So "
          "is one of live video that waited too long for its turn, see "
          "latency, unless it is block. mode=sync with a drop policy is an "
          "error",
          gst_vlm_queue_policy_get_type (), d.queue_policy, kReady));
  g_object_class_install_property (klass, PROP_CHANGE_THRESHOLD,
      g_param_spec_double ("change-threshold", "Change threshold",
          "Share of the picture whose brightness must have changed since the "
          "last analysed frame for a due frame to be analysed again; else its "
          "record has the status skipped-unchanged and repeats the text. "
          "0: analyse always",
          0, 1, d.change_threshold, kPlaying));
  g_object_class_install_property (klass, PROP_MAX_SILENCE,
      g_param_spec_uint64 ("max-silence", "Max silence",
          "Analyse a due frame even if nothing changed once the last analysis "
          "is this many nanoseconds of PTS old. 0: never. Counts only with "
          "change-threshold above 0",
          0, kMaxTime, d.max_silence, kPlaying));
  g_object_class_install_property (klass, PROP_LATENCY,
      g_param_spec_uint64 ("latency", "Latency",
          "How many nanoseconds behind live video an answer may come, which "
          "the pipeline then waits for: of a window, counted from its start. "
          "In async mode the request pads have this latency, and text is dated "
          "by its frame; with 0 it is dated by its arrival. In sync mode video "
          "has it, too. One warning tells when an answer took longer. In async "
          "mode a frame whose turn with the model has not come by then is "
          "dropped; with 0 after queue-size + 1 intervals (of windows: their "
          "steps) where a newer one waits, which is not so without a queue or "
          "with a change-threshold",
          0, kMaxTime, d.latency, kPlaying));
  g_object_class_install_property (klass, PROP_LOOK_BACK,
      g_param_spec_uint64 ("look-back", "Look back",
          "Keep small pictures, two a second, of the last this many "
          "nanoseconds of PTS for ask-at, a question about a past moment. 0: "
          "none",
          0, kMaxTime, d.look_back, kPlaying));
  g_object_class_install_property (klass, PROP_LOOK_BACK_BYTES,
      g_param_spec_uint64 ("look-back-bytes", "Look back bytes",
          "Largest memory in bytes of the pictures kept for look-back; the "
          "oldest go first. Counts only with look-back above 0",
          1 << 20, G_MAXINT64, d.look_back_bytes, kPlaying));
}

void
install_output_properties (GObjectClass * klass, const Settings &d)
{
  g_object_class_install_property (klass, PROP_REPEAT_CAPTION,
      g_param_spec_boolean ("repeat-caption", "Repeat caption",
          "Frames after the first that carries a caption carry it too, with "
          "state held, or stale once it is older than two intervals",
          d.repeat_caption, kPlaying));
  g_object_class_install_property (klass, PROP_POST_MESSAGES,
      g_param_spec_boolean ("post-messages", "Post messages",
          "Post every record as an element message named vlmcaption/caption",
          d.post_messages, kPlaying));
  g_object_class_install_property (klass, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error",
          "What a failed analysis does, and questions that are set while "
          "running and cannot be asked: both leave records with the status "
          "failed. A model that cannot be loaded is always an error",
          gst_vlm_on_error_get_type (), d.on_error, kPlaying));
  install_stats (klass, PROP_STATS,
      "Counters since the last start (frames, undated, due, answered, "
      "skipped-unchanged, dropped, failed, flushed: forgotten by a flush "
      "or a stop, reused: answered without a look, thanks to vlmencode, "
      "queue, regions-left-out, and what reuse saved: of drafted-tokens the "
      "accepted-tokens cost no step of their own, reused-positions of "
      "prompts were not read, encodes-saved are pictures, shared-passes over "
      "the weights were made for an earlier answer anyway) and the time from "
      "a frame's admission to its caption (last-latency, average-latency, "
      "nanoseconds)");
}

} // namespace

void
install_properties (GObjectClass * klass)
{
  const Settings defaults;
  install_model_properties (
      klass, kCaptionModelBlurbs, gst_vlm_precision_get_type ());
  install_question_properties (klass, defaults);
  install_generation_properties (klass, defaults);
  install_time_properties (klass, defaults);
  install_output_properties (klass, defaults);
  mark_as_plugin_api ({gst_vlm_caption_mode_get_type (),
      gst_vlm_queue_policy_get_type (), gst_vlm_on_error_get_type (),
      gst_vlm_generate_mode_get_type (), gst_vlm_reuse_get_type ()});
}

void
install_encoder_properties (GObjectClass * klass)
{
  install_model_properties (
      klass, kCaptionModelBlurbs, gst_vlm_precision_get_type ());
  install_interval (klass, Settings ());
  install_stats (klass, PROP_STATS,
      "Counters since the last start: frames that came, those of them that "
      "were due, and what became of these: looked (the model has seen them), "
      "dropped (four newer ones waited; who asks about them has the model "
      "look), failed (with a warning)");
}

} // namespace gstvlm
