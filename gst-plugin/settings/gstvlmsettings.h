// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/settings/modelsettings.h"
#include "model/engine/engine.h"

#include <vector>

namespace gstvlm
{

/// The values of all writable properties. Copied whole for every frame, so that
/// one analysis never sees half of a change.
struct Settings {
  guint64 version = 0; ///< counts how often any property was set
  ModelSettings model;
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
  guint reuse = GST_VLM_REUSE_DRAFT | GST_VLM_REUSE_PREFIX |
                GST_VLM_REUSE_VISION | GST_VLM_REUSE_BATCH;
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
  /// How long a frame of live video may wait for its turn with the model,
  /// unless `latency` says so; 0: as long as it takes.
  GstClockTime longest_wait () const;
  /// What every question has in common: all but itself and its pictures.
  vlm::Request request () const;
  /// True when a generation prompt is asked for beside this question.
  bool adds_prompt_to (const std::string &question) const;
};

} // namespace gstvlm
