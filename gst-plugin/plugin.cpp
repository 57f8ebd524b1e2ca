// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/elements/gstvlmcaption.h"
#include "gst-plugin/elements/gstvlmencode.h"
#include "gst-plugin/elements/gstvlmgenerate.h"
#include "gst-plugin/elements/gstvlmmeta2json.h"
#include "gst-plugin/elements/gstvlmoverlay.h"

#define PACKAGE "gst-vlm" // GST_PLUGIN_DEFINE wants it

GST_DEBUG_CATEGORY (vlm_debug);

// Runs inside the registry scanner: registers, and touches neither engine nor
// model.
static gboolean
plugin_init (GstPlugin * plugin)
{
  GST_DEBUG_CATEGORY_INIT (vlm_debug, "vlm", 0, "vision-language elements");
  return GST_ELEMENT_REGISTER (vlmcaption, plugin) &&
         GST_ELEMENT_REGISTER (vlmencode, plugin) &&
         GST_ELEMENT_REGISTER (vlmgenerate, plugin) &&
         GST_ELEMENT_REGISTER (vlmmeta2json, plugin) &&
         GST_ELEMENT_REGISTER (vlmoverlay, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, vlm,
    "Captions and answers about video by a vision-language model", plugin_init,
    VLM_VERSION, "LGPL", PACKAGE, "Unknown package origin")
