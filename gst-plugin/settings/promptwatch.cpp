// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/promptwatch.h"

namespace gstvlm
{
namespace
{

void
put_questions (GstStructure * s, const std::vector<std::string> &questions)
{
  GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_ARRAY);
  g_value_init (&item, G_TYPE_STRING);
  for (const std::string &question : questions) {
    g_value_set_string (&item, question.c_str ());
    gst_value_array_append_value (&list, &item);
  }
  gst_structure_take_value (s, "questions", &list);
  g_value_unset (&item);
}

} // namespace

Ptr<GstStructure>
PromptWatch::asked (const Settings &settings, GstClockTime pts)
{
  if (!changed (settings))
    return nullptr;
  asked_ = settings.prompt_version;
  GstStructure * s =
      gst_structure_new (kPromptMessage, "pts", G_TYPE_UINT64, pts, NULL);
  put_questions (s, settings.asked ());
  if (settings.system_prompt)
    gst_structure_set (s, "system-prompt", G_TYPE_STRING,
        settings.system_prompt->c_str (), NULL);
  if (!settings.region_prompt.empty ())
    gst_structure_set (s, "region-prompt", G_TYPE_STRING,
        settings.region_prompt.c_str (), NULL);
  return Ptr<GstStructure> (s);
}

} // namespace gstvlm
