// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/text/textqueue.h"

G_BEGIN_DECLS

#define GST_TYPE_VLM_TEXT_PAD (gst_vlm_text_pad_get_type ())
G_DECLARE_FINAL_TYPE (
    GstVlmTextPad, gst_vlm_text_pad, GST, VLM_TEXT_PAD, GstPad)

G_END_DECLS

/// What waits to be pushed; valid as long as the pad.
gstvlm::TextQueue &gst_vlm_text_pad_get_queue (GstVlmTextPad * pad);

/// Starts the task of an active pad that has a parent now. Until then it only
/// takes in.
void gst_vlm_text_pad_open (GstVlmTextPad * pad);
/// Deactivates the pad. A reader that holds up its task is flushed.
void gst_vlm_text_pad_close (GstVlmTextPad * pad);

/// Handles a FLUSH_START or FLUSH_STOP of the video: takes `event` and pushes
/// it downstream, empties the queue, and pauses or starts the task. Never call
/// it from the pad's own task.
void gst_vlm_text_pad_flush (GstVlmTextPad * pad, GstEvent * event);
