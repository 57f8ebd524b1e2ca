// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/properties.h"

namespace gstvlm
{

bool
mutable_in_ready_only (const GParamSpec * spec)
{
  return (spec->flags & GST_PARAM_MUTABLE_READY) != 0;
}

void
install_stats (GObjectClass * klass, guint id, const char * blurb)
{
  g_object_class_install_property (klass, id,
      g_param_spec_boxed ("stats", "Statistics", blurb, GST_TYPE_STRUCTURE,
          static_cast<GParamFlags> (
              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

void
mark_as_plugin_api (std::initializer_list<GType> types)
{
  for (const GType type : types)
    gst_type_mark_as_plugin_api (type, static_cast<GstPluginAPIFlags> (0));
}

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
put (GValue * value, const std::string &text)
{
  g_value_set_string (value, text.c_str ());
}

void
put (GValue * value, const std::optional<std::string> &text)
{
  g_value_set_string (value, text ? text->c_str () : NULL);
}

void
put (GValue * array, const std::vector<std::string> &strings)
{
  for (const std::string &each : strings) {
    GValue item = G_VALUE_INIT;
    g_value_init (&item, G_TYPE_STRING);
    put (&item, each);
    gst_value_array_append_and_take_value (array, &item);
  }
}

} // namespace gstvlm
