// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_VLM_META2JSON (gst_vlm_meta2json_get_type ())
G_DECLARE_FINAL_TYPE (
    GstVlmMeta2json, gst_vlm_meta2json, GST, VLM_META2JSON, GstElement)
GST_ELEMENT_REGISTER_DECLARE (vlmmeta2json)

G_END_DECLS
