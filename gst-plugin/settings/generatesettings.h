// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/settings/modelsettings.h"
#include "model/engine/engine.h"

namespace gstvlm
{

/// The properties of vlmgenerate behind those of the model.
enum GenerateProperty : guint {
  PROP_GENERATE_STEPS = PROP_AFTER_MODEL,
  PROP_GENERATE_GUIDANCE,
  PROP_GENERATE_NEGATIVE_PROMPT,
  PROP_GENERATE_SEED,
  PROP_GENERATE_KEEP_LOADED,
  PROP_GENERATE_REPEAT,
  PROP_GENERATE_PREVIEW,
  PROP_GENERATE_QUEUE_SIZE,
  PROP_GENERATE_QUEUE_POLICY,
  PROP_GENERATE_MAX_PENDING,
  PROP_GENERATE_ON_ERROR,
  PROP_GENERATE_STATS,
};

/// The values of all writable properties of vlmgenerate. Copied whole for every
/// prompt, so that one picture never sees half of a change.
struct GenerateSettings {
  ModelSettings model;
  guint steps = 50;
  gdouble guidance = 5;
  std::string negative_prompt = vlm::kDefaultNegativePrompt;
  guint64 seed = 0;
  bool keep_loaded = true;
  bool repeat = true;
  guint preview = 0; ///< steps; 0: none
  guint queue_size = 1;
  GstVlmQueuePolicy queue_policy = GST_VLM_QUEUE_POLICY_AUTO;
  guint max_pending = 16;
  GstVlmOnError on_error = GST_VLM_ON_ERROR_FAIL;

  void set (guint property, const GValue * value);
  void get (guint property, GValue * value) const;

  /// What every picture has in common: all but prompt and size.
  vlm::PaintRequest request () const;
};

/// Installs all properties of vlmgenerate, PROP_GENERATE_STATS included.
void install_generate_properties (GObjectClass * object_class);

} // namespace gstvlm
