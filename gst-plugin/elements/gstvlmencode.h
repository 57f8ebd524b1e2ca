// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_VLM_ENCODE (gst_vlm_encode_get_type ())
G_DECLARE_FINAL_TYPE (
    GstVlmEncode, gst_vlm_encode, GST, VLM_ENCODE, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (vlmencode)

G_END_DECLS
