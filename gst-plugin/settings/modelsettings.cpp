// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/modelsettings.h"

#include "gst-plugin/settings/properties.h"

namespace gstvlm
{

void
install_model_properties (
    GObjectClass * klass, const ModelBlurbs &blurbs, GType precisions)
{
  const ModelSettings d;
  g_object_class_install_property (klass, PROP_MODEL_PATH,
      g_param_spec_string (
          "model-path", "Model path", blurbs.path, NULL, kReady));
  g_object_class_install_property (klass, PROP_DEVICE,
      g_param_spec_string (
          "device", "Device", blurbs.device, d.device.c_str (), kReady));
  g_object_class_install_property (klass, PROP_PRECISION,
      g_param_spec_enum ("precision", "Precision", blurbs.precision, precisions,
          d.precision, kReady));
  g_object_class_install_property (klass, PROP_THREADS,
      g_param_spec_uint (
          "threads", "Threads", blurbs.threads, 0, 1024, d.threads, kReady));
  mark_as_plugin_api ({precisions});
}

bool
ModelSettings::set (guint property, const GValue * value)
{
  // clang-format off
  switch (property) {
    case PROP_MODEL_PATH: path = optional_of (value); return true;
    case PROP_DEVICE: device = string_of (value); return true;
    case PROP_PRECISION:
      precision = static_cast<GstVlmPrecision> (g_value_get_enum (value)); return true;
    case PROP_THREADS: threads = g_value_get_uint (value); return true;
    default: return false;
  }
  // clang-format on
}

bool
ModelSettings::get (guint property, GValue * value) const
{
  // clang-format off
  switch (property) {
    case PROP_MODEL_PATH: put (value, path); return true;
    case PROP_DEVICE: put (value, device); return true;
    case PROP_PRECISION: g_value_set_enum (value, precision); return true;
    case PROP_THREADS: g_value_set_uint (value, threads); return true;
    default: return false;
  }
  // clang-format on
}

} // namespace gstvlm
