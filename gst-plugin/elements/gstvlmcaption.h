// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_VLM_CAPTION (gst_vlm_caption_get_type ())
G_DECLARE_FINAL_TYPE (
    GstVlmCaption, gst_vlm_caption, GST, VLM_CAPTION, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (vlmcaption)

G_END_DECLS
