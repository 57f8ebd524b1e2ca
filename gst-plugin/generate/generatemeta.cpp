// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/generate/generatemeta.h"

#include <mutex>

namespace gstvlm
{
namespace
{

constexpr const char * kGenerateMeta = "GstVlmGenerateMeta";

} // namespace

void
register_generate_meta ()
{
  static std::once_flag once;
  std::call_once (once, [] {
    static const gchar * tags[] = {NULL};
    gst_meta_register_custom (kGenerateMeta, tags, NULL, NULL, NULL);
  });
}

void
add_generate_meta (GstBuffer * buffer, const Prompt &prompt,
    const vlm::Painting &painting, const std::string &model)
{
  const vlm::PaintRequest &request = prompt.request;
  GstCustomMeta * meta = gst_buffer_add_custom_meta (buffer, kGenerateMeta);
  GstStructure * s = gst_custom_meta_get_structure (meta);
  gst_structure_set (s, "prompt", G_TYPE_STRING, prompt.text.c_str (),
      "negative-prompt", G_TYPE_STRING, request.negative_prompt.c_str (),
      "seed", G_TYPE_UINT64, static_cast<guint64> (request.seed), "steps",
      G_TYPE_UINT, static_cast<guint> (request.steps), "guidance",
      G_TYPE_DOUBLE, request.guidance, "model", G_TYPE_STRING, model.c_str (),
      "id", G_TYPE_UINT64, prompt.id, NULL);
  if (GST_CLOCK_TIME_IS_VALID (prompt.pts))
    gst_structure_set (s, "pts", G_TYPE_UINT64, prompt.pts, NULL);
  if (painting.cut > 0)
    gst_structure_set (s, "cut-tokens", G_TYPE_UINT64,
        static_cast<guint64> (painting.cut), NULL);
}

} // namespace gstvlm
