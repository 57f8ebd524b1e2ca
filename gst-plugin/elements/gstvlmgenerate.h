// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

// GstVlmGenerate is what vlmcaption's property generate is made of.
#define GST_TYPE_VLM_GENERATOR (gst_vlm_generator_get_type ())
G_DECLARE_FINAL_TYPE (
    GstVlmGenerator, gst_vlm_generator, GST, VLM_GENERATOR, GstElement)
GST_ELEMENT_REGISTER_DECLARE (vlmgenerate)

G_END_DECLS
