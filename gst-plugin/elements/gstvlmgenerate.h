// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_VLM_GENERATE (gst_vlm_generate_get_type ())
G_DECLARE_FINAL_TYPE (
    GstVlmGenerate, gst_vlm_generate, GST, VLM_GENERATE, GstElement)
GST_ELEMENT_REGISTER_DECLARE (vlmgenerate)

G_END_DECLS
