// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/gstvlmsettings.h"

#include "gst-plugin/settings/prompttemplate.h"
#include "model/language/json_schema.h"

GType
gst_vlm_caption_mode_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_CAPTION_MODE_AUTO,
          "Asynchronous behind a live source, synchronous otherwise", "auto"},
      {GST_VLM_CAPTION_MODE_SYNC,
          "A frame that is due waits for its caption; nothing is lost", "sync"},
      {GST_VLM_CAPTION_MODE_ASYNC,
          "Video never waits; a caption rides on the first frame after it",
          "async"},
      {0, NULL, NULL},
  };
  static const GType type =
      g_enum_register_static ("GstVlmCaptionMode", values);
  return type;
}

GType
gst_vlm_precision_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_PRECISION_AUTO, "What the machine does best", "auto"},
      {GST_VLM_PRECISION_FLOAT32, "Weights in 32-bit floating point",
          "float32"},
      {GST_VLM_PRECISION_BFLOAT16, "Weights in bfloat16, half the memory",
          "bfloat16"},
      {GST_VLM_PRECISION_INT8,
          "Weights and activations in 8-bit integers, a "
          "quarter of the memory",
          "int8"},
      {GST_VLM_PRECISION_INT4,
          "The decoder's weights in 4-bit integers, "
          "towers and activations in 8-bit ones",
          "int4"},
      {0, NULL, NULL},
  };
  static const GType type = g_enum_register_static ("GstVlmPrecision", values);
  return type;
}

GType
gst_vlm_queue_policy_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_QUEUE_POLICY_AUTO,
          "drop-oldest where nobody may wait (vlmcaption in async mode, "
          "vlmgenerate behind live sources), else block",
          "auto"},
      {GST_VLM_QUEUE_POLICY_DROP_OLDEST,
          "The frame or prompt that waited longest makes room", "drop-oldest"},
      {GST_VLM_QUEUE_POLICY_DROP_NEWEST,
          "The new frame is not analysed, the new prompt not painted",
          "drop-newest"},
      {GST_VLM_QUEUE_POLICY_BLOCK, "The stream waits until there is room",
          "block"},
      {0, NULL, NULL},
  };
  static const GType type =
      g_enum_register_static ("GstVlmQueuePolicy", values);
  return type;
}

GType
gst_vlm_on_error_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_ON_ERROR_FAIL, "Post an error and end the stream", "fail"},
      {GST_VLM_ON_ERROR_WARN,
          "Post a warning (vlmcaption also a record with status failed); the "
          "stream goes on",
          "warn"},
      {0, NULL, NULL},
  };
  static const GType type = g_enum_register_static ("GstVlmOnError", values);
  return type;
}

GType
gst_vlm_generate_mode_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_GENERATE_MODE_NEVER,
          "Records have no generation prompt, prompt_src stays silent",
          "never"},
      {GST_VLM_GENERATE_MODE_AUTO,
          "Generation prompts that the model writes are passed on; it is asked "
          "for one where the question itself holds <GEN>",
          "auto"},
      {GST_VLM_GENERATE_MODE_ALWAYS,
          "Every question asks for one: \" <GEN>\" is put behind those that do "
          "not hold <GEN>",
          "always"},
      {0, NULL, NULL},
  };
  static const GType type =
      g_enum_register_static ("GstVlmGenerateMode", values);
  return type;
}

GType
gst_vlm_reuse_get_type (void)
{
  static const GFlagsValue values[] = {
      {GST_VLM_REUSE_NONE, "Everything is computed anew", "none"},
      {GST_VLM_REUSE_DRAFT,
          "Earlier answers and the prompt foretell tokens, which are checked "
          "several at a time",
          "draft"},
      {GST_VLM_REUSE_PREFIX,
          "The text before the pictures, and pictures that several questions "
          "are about, are read once",
          "prefix"},
      {GST_VLM_REUSE_VISION,
          "A picture with the pixels of one of the last few is not encoded "
          "again",
          "vision"},
      {0, NULL, NULL},
  };
  static const GType type = g_flags_register_static ("GstVlmReuse", values);
  return type;
}

namespace gstvlm
{

const char *
nick (GType type, gint value)
{
  GEnumClass * klass = static_cast<GEnumClass *> (g_type_class_ref (type));
  const GEnumValue * found = g_enum_get_value (klass, value);
  g_type_class_unref (klass); // static types: the strings stay
  return found->value_nick;
}

namespace
{

constexpr GParamFlags
flags (int mutability)
{
  return static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | mutability);
}

constexpr GParamFlags kReady = flags (GST_PARAM_MUTABLE_READY);
constexpr GParamFlags kPlaying = flags (GST_PARAM_MUTABLE_PLAYING);

// PTS arithmetic adds a few of these; half the range keeps every sum inside 64
// bits.
constexpr guint64 kMaxTime = G_MAXINT64;
constexpr guint64 kMaxWindow = kMaxTime / 4;
constexpr guint kMaxFrames = 16;
// A frame that belongs to very many windows would be asked about as often.
constexpr guint64 kMaxOverlapping = 64;

constexpr guint kMostTurns = 100;

std::string
string_of (const GValue * value)
{
  const gchar * text = g_value_get_string (value);
  return text ? text : "";
}

std::optional<std::string>
optional_of (const GValue * value)
{
  const gchar * text = g_value_get_string (value);
  return text ? std::optional<std::string> (text) : std::nullopt;
}

std::vector<std::string>
strings_of (const GValue * array)
{
  std::vector<std::string> out;
  for (guint i = 0; i < gst_value_array_get_size (array); ++i)
    out.push_back (string_of (gst_value_array_get_value (array, i)));
  return out;
}

void
put (GValue * array, const std::vector<std::string> &strings)
{
  for (const std::string &each : strings) {
    GValue item = G_VALUE_INIT;
    g_value_init (&item, G_TYPE_STRING);
    g_value_set_string (&item, each.c_str ());
    gst_value_array_append_and_take_value (array, &item);
  }
}

void
put (GValue * value, const std::optional<std::string> &text)
{
  g_value_set_string (value, text ? text->c_str () : NULL);
}

template <typename... Parts>
[[noreturn]] void
refuse (const Parts &... parts)
{
  vlm::fail (vlm::ErrorCategory::Settings, parts...);
}

// The checkpoint's own template is known only when it is loaded.
void
check_template (const Settings &settings)
{
  if (settings.template_name.empty ())
    return;
  vlm::render (settings.template_name, {{settings.prompt, {}}});
  try {
    vlm::render (settings.template_name, {{settings.prompt, {}}},
        settings.system_prompt);
  } catch (const vlm::Error &error) {
    refuse ("system-prompt=\"", *settings.system_prompt, "\": ", error.what ());
  }
}

void
check_windows (const Settings &s)
{
  if (s.window == 0) {
    if (s.overlap > 0)
      refuse ("overlap=", s.overlap, " needs a window: there is none");
    if (s.frames > 1)
      refuse ("frames=", s.frames, " needs a window: there is none");
    return;
  }
  if (s.interval_is_set)
    refuse ("interval=", s.interval, " and window=", s.window,
        " contradict each other: frames come either one every interval or "
        "together from windows");
  if (s.overlap >= s.window)
    refuse ("overlap=", s.overlap, " must be shorter than window=", s.window);
  if (s.window / (s.window - s.overlap) > kMaxOverlapping)
    refuse ("overlap=", s.overlap, " of window=", s.window, ": more than ",
        kMaxOverlapping, " windows would overlap");
}

void
install_model_properties (GObjectClass * klass, const Settings &d)
{
  g_object_class_install_property (klass, PROP_MODEL_PATH,
      g_param_spec_string ("model-path", "Model path",
          "Directory of a Mini-Gemini checkpoint as it was released "
          "(config.json, safetensors, tokenizer). Unset: the embedded model. "
          "Elements with the same path, device and precision share one loaded "
          "model",
          NULL, kReady));
  g_object_class_install_property (klass, PROP_DEVICE,
      g_param_spec_string ("device", "Device",
          "Where the model runs: cpu, cuda or cuda:N. Never changed silently: "
          "a device that is not there is an error",
          d.device.c_str (), kReady));
  g_object_class_install_property (klass, PROP_PRECISION,
      g_param_spec_enum ("precision", "Precision",
          "Number format of the weights, and of products with int8 and int4 "
          "ones (on the CPU only)",
          gst_vlm_precision_get_type (), d.precision, kReady));
  g_object_class_install_property (klass, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Processor threads of the model. 0: all that the process may use "
          "(affinity and cgroup limits are honoured)",
          0, 1024, d.threads, kReady));
}

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
          "maximum "
          "of integers, enum, const and anyOf. Empty: answers are free text",
          "", kPlaying));
  g_object_class_install_property (klass, PROP_OCR,
      g_param_spec_boolean ("ocr", "OCR",
          "Read the text in the pictures (by Tesseract) and put it behind the "
          "question. It comes from whoever wrote it there: do not trust what "
          "the model makes of it. The record's field ocr-text holds it",
          d.ocr, kPlaying));
  g_object_class_install_property (klass, PROP_HISTORY,
      g_param_spec_uint ("history", "History",
          "How many earlier answers to the same question stay in the "
          "conversation. Its one picture is the newest. Begins anew with a "
          "stream, a flush and other questions; what does not fit into the "
          "model's context beside max-tokens is forgotten, oldest first",
          0, kMostTurns, d.history, kPlaying));
  g_object_class_install_property (klass, PROP_REUSE,
      g_param_spec_flags ("reuse", "Reuse",
          "Which earlier work takes the place of new work. Answers are the "
          "same with and without, only the time that they take is not; stats "
          "counts what was saved",
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
          "What happens when a frame is due and the queue is full. A frame "
          "that is dropped here is dropped from analysis only: it is counted "
          "in stats and told by a QoS message and a record with the status "
          "dropped. mode=sync with a drop policy is an error",
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
          "has it, too. One warning tells when an answer took longer",
          0, kMaxTime, d.latency, kPlaying));
  g_object_class_install_property (klass, PROP_LOOK_BACK,
      g_param_spec_uint64 ("look-back", "Look back",
          "Keep small pictures, two a second, of the last this many "
          "nanoseconds "
          "of PTS for ask-at, a question about a past moment. 0: none",
          0, kMaxTime, d.look_back, kPlaying));
  g_object_class_install_property (klass, PROP_LOOK_BACK_BYTES,
      g_param_spec_uint64 ("look-back-bytes", "Look back bytes",
          "Largest memory in bytes of the pictures kept for look-back; the "
          "oldest go first",
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
          "What a failed analysis does. A model that cannot be loaded is "
          "always an error",
          gst_vlm_on_error_get_type (), d.on_error, kPlaying));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters since the last start (frames, undated, due, answered, "
          "skipped-unchanged, dropped, failed, flushed: forgotten by a flush "
          "or "
          "a stop, reused: answered without a look, thanks to vlmencode, "
          "queue, "
          "regions-left-out, and what reuse saved: of drafted-tokens the "
          "accepted-tokens cost no step of their own, reused-positions of "
          "prompts were not read, encodes-saved are pictures) and the time from a frame's "
          "admission to its caption (last-latency, average-latency, "
          "nanoseconds)",
          GST_TYPE_STRUCTURE,
          static_cast<GParamFlags> (
              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

} // namespace

void
install_properties (GObjectClass * klass)
{
  const Settings defaults;
  install_model_properties (klass, defaults);
  install_question_properties (klass, defaults);
  install_generation_properties (klass, defaults);
  install_time_properties (klass, defaults);
  install_output_properties (klass, defaults);
  gst_type_mark_as_plugin_api (
      gst_vlm_caption_mode_get_type (), static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (
      gst_vlm_precision_get_type (), static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (
      gst_vlm_queue_policy_get_type (), static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (
      gst_vlm_on_error_get_type (), static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (
      gst_vlm_generate_mode_get_type (), static_cast<GstPluginAPIFlags> (0));
  gst_type_mark_as_plugin_api (
      gst_vlm_reuse_get_type (), static_cast<GstPluginAPIFlags> (0));
}

void
check_ocr (const vlm::Engine &engine)
{
  try {
    engine.check_ocr ();
  } catch (const vlm::Error &error) {
    refuse ("ocr=true: ", error.what ());
  }
}

void
install_encoder_properties (GObjectClass * klass)
{
  const Settings defaults;
  install_model_properties (klass, defaults);
  install_interval (klass, defaults);
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters since the last start: frames, due, and of these looked at, "
          "dropped (the first question is the first look), failed",
          GST_TYPE_STRUCTURE,
          static_cast<GParamFlags> (
              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  gst_type_mark_as_plugin_api (
      gst_vlm_precision_get_type (), static_cast<GstPluginAPIFlags> (0));
}

bool
mutable_in_ready_only (const GParamSpec * spec)
{
  return (spec->flags & GST_PARAM_MUTABLE_READY) != 0;
}

void
Settings::set (guint property, const GValue * value)
{
  prompt_version += property == PROP_PROMPT || property == PROP_QUESTIONS ||
                    property == PROP_SYSTEM_PROMPT ||
                    property == PROP_REGION_PROMPT;
  // clang-format off
  switch (property) {
    case PROP_MODEL_PATH: model_path = optional_of (value); break;
    case PROP_DEVICE: device = string_of (value); break;
    case PROP_PRECISION:
      precision = static_cast<GstVlmPrecision> (g_value_get_enum (value)); break;
    case PROP_THREADS: threads = g_value_get_uint (value); break;
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
  // clang-format off
  switch (property) {
    case PROP_MODEL_PATH: put (value, model_path); break;
    case PROP_DEVICE: g_value_set_string (value, device.c_str ()); break;
    case PROP_PRECISION: g_value_set_enum (value, precision); break;
    case PROP_THREADS: g_value_set_uint (value, threads); break;
    case PROP_TEMPLATE: g_value_set_string (value, template_name.c_str ()); break;
    case PROP_MODE: g_value_set_enum (value, mode); break;
    case PROP_PROMPT: g_value_set_string (value, prompt.c_str ()); break;
    case PROP_SYSTEM_PROMPT: put (value, system_prompt); break;
    case PROP_QUESTIONS: put (value, questions); break;
    case PROP_REGION_PROMPT: g_value_set_string (value, region_prompt.c_str ()); break;
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
    case PROP_JSON_SCHEMA: g_value_set_string (value, json_schema.c_str ()); break;
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

vlm::ModelOptions
Settings::model_options () const
{
  vlm::ModelOptions options;
  options.path = model_path.value_or ("");
  options.device = device;
  options.precision = nick (gst_vlm_precision_get_type (), precision);
  options.threads = static_cast<int> (threads);
  return options;
}

vlm::Request
Settings::request () const
{
  vlm::Request out;
  out.system = system_prompt;
  out.template_name = template_name;
  out.max_tokens = max_tokens;
  out.sampling = {temperature, top_k, top_p, seed};
  out.reuse.draft = reuse & GST_VLM_REUSE_DRAFT;
  out.reuse.prefix = reuse & GST_VLM_REUSE_PREFIX;
  out.reuse.vision = reuse & GST_VLM_REUSE_VISION;
  return out;
}

// One that asks for it by itself does not ask twice.
bool
Settings::adds_prompt_to (const std::string &question) const
{
  return generate == GST_VLM_GENERATE_MODE_ALWAYS &&
         question.find ("<GEN>") == std::string::npos;
}

void
check_question (const char * property, const std::string &question)
{
  if (question.empty ())
    refuse (property, "=\"\": there is no question to ask");
  if (!g_utf8_validate (question.c_str (), -1, NULL))
    refuse (property, " is not valid UTF-8");
  if (question.find ("<image>") != std::string::npos)
    refuse (property, "=\"", question,
        "\" holds <image>, which stands for the picture and is put in by the "
        "element");
}

void
Settings::check () const
{
  const bool drops = queue_policy == GST_VLM_QUEUE_POLICY_DROP_OLDEST ||
                     queue_policy == GST_VLM_QUEUE_POLICY_DROP_NEWEST;
  if (mode == GST_VLM_CAPTION_MODE_SYNC && drops)
    refuse ("mode=sync loses nothing, queue-policy=",
        nick (gst_vlm_queue_policy_get_type (), queue_policy),
        " drops frames: they contradict each other");
  check_windows (*this);
  if (model_path && model_path->empty ())
    refuse ("model-path is empty; leave it unset for the embedded model");
  check_question ("prompt", prompt);
  check_placeholders ("prompt", prompt, false);
  for (const std::string &question : questions) {
    check_question ("questions", question);
    check_placeholders ("questions", question, false);
  }
  if (!region_prompt.empty ()) {
    check_question ("region-prompt", region_prompt);
    check_placeholders ("region-prompt", region_prompt, true);
  }
  if (system_prompt && !g_utf8_validate (system_prompt->c_str (), -1, NULL))
    refuse ("system-prompt is not valid UTF-8");
  check_template (*this);
  if (!json_schema.empty ())
    vlm::JsonSchema::parse (json_schema);
}

} // namespace gstvlm
