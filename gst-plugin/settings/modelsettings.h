// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/settings/gstvlmenums.h"

#include <optional>
#include <string>

namespace gstvlm
{

/// The first properties of every element that runs a model.
enum ModelProperty : guint {
  PROP_MODEL_PATH = 1,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_THREADS,
  PROP_AFTER_MODEL, ///< where an element's own ones begin
};

/// Which model runs, where and how.
struct ModelSettings {
  std::optional<std::string> path; ///< absent: the embedded one
  std::string device = "cpu";
  GstVlmPrecision precision = GST_VLM_PRECISION_AUTO;
  guint threads = 0;

  /// False when the property is none of these.
  bool set (guint property, const GValue * value);
  bool get (guint property, GValue * value) const;

  /// As the engine takes them: ModelOptions or PainterOptions.
  template <typename Options> Options options () const
  {
    Options out;
    out.path = path.value_or ("");
    out.device = device;
    out.precision = nick (gst_vlm_precision_get_type (), precision);
    out.threads = static_cast<int> (threads);
    return out;
  }
};

/// What the four properties say about themselves: literals.
struct ModelBlurbs {
  const char * path;
  const char * device;
  const char * precision;
  const char * threads;
};

/// `precisions` has some of the values of GstVlmPrecision.
void install_model_properties (
    GObjectClass * object_class, const ModelBlurbs &blurbs, GType precisions);

} // namespace gstvlm
