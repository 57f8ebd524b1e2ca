// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

typedef enum {
  GST_VLM_OVERLAY_POSITION_BOTTOM,
  GST_VLM_OVERLAY_POSITION_TOP,
} GstVlmOverlayPosition;

GType gst_vlm_overlay_position_get_type (void);

#define GST_TYPE_VLM_OVERLAY (gst_vlm_overlay_get_type ())
G_DECLARE_FINAL_TYPE (
    GstVlmOverlay, gst_vlm_overlay, GST, VLM_OVERLAY, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (vlmoverlay)

G_END_DECLS
