// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/engine/engine.h"

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

G_BEGIN_DECLS

/**
 * GstVlmCaptionMode:
 * @GST_VLM_CAPTION_MODE_AUTO: asynchronous behind a live source, else
 *   synchronous
 * @GST_VLM_CAPTION_MODE_SYNC: a frame waits for its caption
 * @GST_VLM_CAPTION_MODE_ASYNC: video never waits, captions come late
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_CAPTION_MODE_AUTO,
  GST_VLM_CAPTION_MODE_SYNC,
  GST_VLM_CAPTION_MODE_ASYNC,
} GstVlmCaptionMode;

/**
 * GstVlmPrecision:
 * @GST_VLM_PRECISION_AUTO: what the machine does best
 * @GST_VLM_PRECISION_FLOAT32: weights in single precision
 * @GST_VLM_PRECISION_BFLOAT16: weights in bfloat16
 * @GST_VLM_PRECISION_INT8: weights and activations in 8-bit integers
 * @GST_VLM_PRECISION_INT4: the decoder's weights in 4-bit integers
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_PRECISION_AUTO,
  GST_VLM_PRECISION_FLOAT32,
  GST_VLM_PRECISION_BFLOAT16,
  GST_VLM_PRECISION_INT8,
  GST_VLM_PRECISION_INT4,
} GstVlmPrecision;

/**
 * GstVlmQueuePolicy:
 * @GST_VLM_QUEUE_POLICY_AUTO: drop-oldest in async mode, block in sync mode
 * @GST_VLM_QUEUE_POLICY_DROP_OLDEST: the frame that waited longest makes room
 * @GST_VLM_QUEUE_POLICY_DROP_NEWEST: the new frame is not analysed
 * @GST_VLM_QUEUE_POLICY_BLOCK: video waits until there is room
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_QUEUE_POLICY_AUTO,
  GST_VLM_QUEUE_POLICY_DROP_OLDEST,
  GST_VLM_QUEUE_POLICY_DROP_NEWEST,
  GST_VLM_QUEUE_POLICY_BLOCK,
} GstVlmQueuePolicy;

/**
 * GstVlmOnError:
 * @GST_VLM_ON_ERROR_FAIL: a failed analysis is an error of the element
 * @GST_VLM_ON_ERROR_WARN: a failed analysis is a warning, video goes on
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_ON_ERROR_FAIL,
  GST_VLM_ON_ERROR_WARN,
} GstVlmOnError;

/**
 * GstVlmGenerateMode:
 * @GST_VLM_GENERATE_MODE_NEVER: no generation prompts
 * @GST_VLM_GENERATE_MODE_AUTO: those that the model writes by itself
 * @GST_VLM_GENERATE_MODE_ALWAYS: every question asks for one
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_GENERATE_MODE_NEVER,
  GST_VLM_GENERATE_MODE_AUTO,
  GST_VLM_GENERATE_MODE_ALWAYS,
} GstVlmGenerateMode;

/**
 * GstVlmReuse:
 * @GST_VLM_REUSE_NONE: nothing
 * @GST_VLM_REUSE_DRAFT: earlier answers foretell tokens, which are then checked
 *   several at a time
 * @GST_VLM_REUSE_PREFIX: what was read already of a prompt's beginning is not
 *   read again
 * @GST_VLM_REUSE_VISION: a picture with the same pixels is not encoded again
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_REUSE_NONE = 0,
  GST_VLM_REUSE_DRAFT = 1 << 0,
  GST_VLM_REUSE_PREFIX = 1 << 1,
  GST_VLM_REUSE_VISION = 1 << 2,
} GstVlmReuse;

GType gst_vlm_caption_mode_get_type (void);
GType gst_vlm_precision_get_type (void);
GType gst_vlm_queue_policy_get_type (void);
GType gst_vlm_on_error_get_type (void);
GType gst_vlm_generate_mode_get_type (void);
GType gst_vlm_reuse_get_type (void);

G_END_DECLS

namespace gstvlm
{

enum Property : guint {
  PROP_0,
  PROP_MODEL_PATH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_THREADS,
  PROP_TEMPLATE,
  PROP_MODE,
  PROP_PROMPT,
  PROP_SYSTEM_PROMPT,
  PROP_QUESTIONS,
  PROP_REGION_PROMPT,
  PROP_MAX_REGIONS,
  PROP_INTERVAL,
  PROP_WINDOW,
  PROP_OVERLAP,
  PROP_FRAMES,
  PROP_MAX_TOKENS,
  PROP_TEMPERATURE,
  PROP_TOP_K,
  PROP_TOP_P,
  PROP_SEED,
  PROP_GENERATE,
  PROP_JSON_SCHEMA,
  PROP_OCR,
  PROP_HISTORY,
  PROP_REUSE,
  PROP_QUEUE_SIZE,
  PROP_QUEUE_POLICY,
  PROP_CHANGE_THRESHOLD,
  PROP_MAX_SILENCE,
  PROP_LATENCY,
  PROP_LOOK_BACK,
  PROP_LOOK_BACK_BYTES,
  PROP_REPEAT_CAPTION,
  PROP_POST_MESSAGES,
  PROP_ON_ERROR,
  PROP_STATS,
};

/// The values of all writable properties. Copied whole for every frame, so that
/// one analysis never sees half of a change.
struct Settings {
  std::optional<std::string> model_path; ///< absent: the embedded model
  std::string device = "cpu";
  GstVlmPrecision precision = GST_VLM_PRECISION_AUTO;
  guint threads = 0;
  std::string template_name;
  GstVlmCaptionMode mode = GST_VLM_CAPTION_MODE_AUTO;
  std::string prompt = "Describe this image.";
  std::optional<std::string> system_prompt;
  std::vector<std::string> questions; ///< empty: the prompt alone
  std::string region_prompt;          ///< empty: regions are not asked about
  guint64 prompt_version = 0; ///< counts how often one of these four was set
  guint max_regions = 8;
  guint64 interval = 2 * GST_SECOND;
  bool interval_is_set = false; ///< by the user
  guint64 window = 0;           ///< 0: single frames
  guint64 overlap = 0;
  guint frames = 1; ///< per window
  guint max_tokens = 128;
  gdouble temperature = 0;
  guint top_k = 50;
  gdouble top_p = 1;
  guint64 seed = 0;
  GstVlmGenerateMode generate = GST_VLM_GENERATE_MODE_NEVER;
  std::string json_schema; ///< empty: answers are free text
  bool ocr = false;
  guint history = 0;
  guint reuse =
      GST_VLM_REUSE_DRAFT | GST_VLM_REUSE_PREFIX | GST_VLM_REUSE_VISION;
  guint queue_size = 1;
  GstVlmQueuePolicy queue_policy = GST_VLM_QUEUE_POLICY_AUTO;
  gdouble change_threshold = 0;
  guint64 max_silence = 30 * GST_SECOND;
  guint64 latency = 0;
  guint64 look_back = 0;
  guint64 look_back_bytes = 64 << 20;
  bool repeat_caption = true;
  bool post_messages = true;
  GstVlmOnError on_error = GST_VLM_ON_ERROR_FAIL;

  void set (guint property, const GValue * value);
  void get (guint property, GValue * value) const;

  /// What is asked about every due frame; never empty.
  std::vector<std::string> asked () const;
  /// Age from which a caption is stale; 0: that depends on the model.
  GstClockTime stale_after () const;
  vlm::ModelOptions model_options () const;
  /// What every question has in common: all but itself and its pictures.
  vlm::Request request () const;
  /// True when a generation prompt is asked for beside this question.
  bool adds_prompt_to (const std::string &question) const;
  /// Throws Error(Settings) naming the properties that contradict each other or
  /// are malformed.
  void check () const;
};

/// Throws Error(Settings) when this cannot be asked, naming the property.
void check_question (const char * property, const std::string &question);
/// Error(Settings) when the property ocr cannot be had.
void check_ocr (const vlm::Engine &engine);

/// Installs all properties, PROP_STATS included.
void install_properties (GObjectClass * object_class);

/// Those that an encoder has: the model, the interval, its own PROP_STATS.
void install_encoder_properties (GObjectClass * object_class);

/// A value of an enumeration as users write it.
const char * nick (GType type, gint value);

/// True when the property counts from the next start only.
bool mutable_in_ready_only (const GParamSpec * spec);

} // namespace gstvlm
