// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/settings/modelsettings.h"

namespace gstvlm
{

/// The properties of vlmcaption behind those of the model.
enum Property : guint {
  PROP_TEMPLATE = PROP_AFTER_MODEL,
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

/// Installs all properties, PROP_STATS included.
void install_properties (GObjectClass * object_class);

/// Those that an encoder has: the model, the interval, its own PROP_STATS.
void install_encoder_properties (GObjectClass * object_class);

} // namespace gstvlm
