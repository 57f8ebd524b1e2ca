// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/record/structurejson.h"

#include <cmath>

namespace gstvlm
{
namespace
{

using nlohmann::ordered_json;

// What is left out.
const ordered_json kNothing (ordered_json::value_t::discarded);

ordered_json
number (double value)
{
  return std::isfinite (value) ? ordered_json (value) : kNothing;
}

ordered_json
string (const gchar * text)
{
  return text ? ordered_json (text) : ordered_json ();
}

ordered_json to_json (const GValue * value);

ordered_json
object (const GstStructure * structure)
{
  return structure ? gstvlm::to_json (structure) : ordered_json ();
}

ordered_json
items (const GValue * value, guint size,
    const GValue * (*item) (const GValue *, guint))
{
  ordered_json out = ordered_json::array ();
  for (guint i = 0; i < size; ++i) {
    ordered_json each = to_json (item (value, i));
    if (!each.is_discarded ())
      out.push_back (std::move (each));
  }
  return out;
}

ordered_json
to_json (const GValue * value)
{
  const GType type = G_VALUE_TYPE (value);
  if (type == G_TYPE_STRING)
    return string (g_value_get_string (value));
  if (type == G_TYPE_BOOLEAN)
    return g_value_get_boolean (value) != FALSE;
  if (type == G_TYPE_INT)
    return g_value_get_int (value);
  if (type == G_TYPE_UINT)
    return g_value_get_uint (value);
  if (type == G_TYPE_INT64)
    return g_value_get_int64 (value);
  if (type == G_TYPE_UINT64)
    return g_value_get_uint64 (value);
  if (type == G_TYPE_DOUBLE)
    return number (g_value_get_double (value));
  if (type == GST_TYPE_STRUCTURE)
    return object (gst_value_get_structure (value));
  if (type == GST_TYPE_ARRAY)
    return items (
        value, gst_value_array_get_size (value), gst_value_array_get_value);
  if (type == GST_TYPE_LIST)
    return items (
        value, gst_value_list_get_size (value), gst_value_list_get_value);
  return kNothing;
}

} // namespace

ordered_json
to_json (const GstStructure * structure)
{
  ordered_json out = ordered_json::object ();
  const guint count = static_cast<guint> (gst_structure_n_fields (structure));
  for (guint i = 0; i < count; ++i) {
    const gchar * name = gst_structure_nth_field_name (structure, i);
    ordered_json value = to_json (gst_structure_get_value (structure, name));
    if (!value.is_discarded ())
      out[name] = std::move (value);
  }
  return out;
}

std::string
to_json_line (const GstStructure * structure)
{
  const auto replace = ordered_json::error_handler_t::replace;
  return to_json (structure).dump (-1, ' ', false, replace) + "\n";
}

} // namespace gstvlm
