// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/structure_json.h"

namespace vlm {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const GValue *value) {
  const GType type = G_VALUE_TYPE(value);
  switch (type) {
  case G_TYPE_STRING:
    return g_value_get_string(value) ? ordered_json(g_value_get_string(value)) : ordered_json();
  case G_TYPE_BOOLEAN:
    return g_value_get_boolean(value) != FALSE;
  case G_TYPE_INT:
    return g_value_get_int(value);
  case G_TYPE_UINT:
    return g_value_get_uint(value);
  case G_TYPE_INT64:
    return g_value_get_int64(value);
  case G_TYPE_UINT64:
    return g_value_get_uint64(value);
  case G_TYPE_DOUBLE:
    return g_value_get_double(value);
  default:
    break;
  }
  if (type == GST_TYPE_STRUCTURE)
    return vlm::to_json(gst_value_get_structure(value));
  ordered_json items = ordered_json::array();
  if (type == GST_TYPE_ARRAY)
    for (guint i = 0; i < gst_value_array_get_size(value); ++i)
      items.push_back(to_json(gst_value_array_get_value(value, i)));
  else if (type == GST_TYPE_LIST)
    for (guint i = 0; i < gst_value_list_get_size(value); ++i)
      items.push_back(to_json(gst_value_list_get_value(value, i)));
  else
    return ordered_json(ordered_json::value_t::discarded);
  return items;
}

} // namespace

ordered_json to_json(const GstStructure *structure) {
  ordered_json out = ordered_json::object();
  for (gint i = 0; i < gst_structure_n_fields(structure); ++i) {
    const gchar *name = gst_structure_nth_field_name(structure, static_cast<guint>(i));
    ordered_json value = to_json(gst_structure_get_value(structure, name));
    if (!value.is_discarded())
      out[name] = std::move(value);
  }
  return out;
}

} // namespace vlm
