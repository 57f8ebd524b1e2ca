// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/record/recordreader.h"

#include "gst-plugin/record/gstvlmrecord.h"

namespace gstvlm
{

std::vector<const GstStructure *>
caption_metas (GstBuffer * frame)
{
  std::vector<const GstStructure *> out;
  gpointer state = NULL;
  while (GstMeta * meta = gst_buffer_iterate_meta (frame, &state)) {
    if (!gst_meta_info_is_custom (meta->info))
      continue;
    GstCustomMeta * custom = reinterpret_cast<GstCustomMeta *> (meta);
    if (gst_custom_meta_has_name (custom, kCaptionMeta))
      out.push_back (gst_custom_meta_get_structure (custom));
  }
  return out;
}

std::vector<const GstStructure *>
records_of (const GstStructure * meta)
{
  const GValue * all = gst_structure_get_value (meta, "records");
  if (!all || !GST_VALUE_HOLDS_ARRAY (all))
    return {meta};
  std::vector<const GstStructure *> out;
  for (guint i = 0; i < gst_value_array_get_size (all); ++i) {
    const GValue * each = gst_value_array_get_value (all, i);
    if (GST_VALUE_HOLDS_STRUCTURE (each))
      out.push_back (gst_value_get_structure (each));
  }
  return out;
}

bool
is_fresh (const GstStructure * meta)
{
  return g_strcmp0 (gst_structure_get_string (meta, "state"), "fresh") == 0;
}

const GstStructure *
record_of (GstEvent * event)
{
  const GstStructure * s = gst_event_get_structure (event);
  const bool ours = GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM &&
                    s && gst_structure_has_name (s, kRecordEvent);
  return ours ? s : NULL;
}

Ptr<GstStructure>
bare_record (const GstStructure * record)
{
  GstStructure * bare = gst_structure_copy (record);
  gst_structure_remove_fields (bare, "state", "age", "records", NULL);
  return Ptr<GstStructure> (bare);
}

GstClockTime
time_of (const GstStructure * record, const char * field)
{
  guint64 time = GST_CLOCK_TIME_NONE;
  gst_structure_get_uint64 (record, field, &time);
  return time;
}

} // namespace gstvlm
