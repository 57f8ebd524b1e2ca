// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstVlmCaptionMode:
 * @GST_VLM_CAPTION_MODE_AUTO: asynchronous behind a live source, else
 *   synchronous
 * @GST_VLM_CAPTION_MODE_SYNC: a frame waits for its caption
 * @GST_VLM_CAPTION_MODE_ASYNC: video never waits, captions come late
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_CAPTION_MODE_AUTO,
  GST_VLM_CAPTION_MODE_SYNC,
  GST_VLM_CAPTION_MODE_ASYNC,
} GstVlmCaptionMode;

/**
 * GstVlmPrecision:
 * @GST_VLM_PRECISION_AUTO: what the machine does best
 * @GST_VLM_PRECISION_FLOAT32: weights in single precision
 * @GST_VLM_PRECISION_BFLOAT16: weights in bfloat16
 * @GST_VLM_PRECISION_INT8: weights and activations in 8-bit integers
 * @GST_VLM_PRECISION_INT4: the decoder's weights in 4-bit integers
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_PRECISION_AUTO,
  GST_VLM_PRECISION_FLOAT32,
  GST_VLM_PRECISION_BFLOAT16,
  GST_VLM_PRECISION_INT8,
  GST_VLM_PRECISION_INT4,
} GstVlmPrecision;

/**
 * GstVlmQueuePolicy:
 * @GST_VLM_QUEUE_POLICY_AUTO: drop-oldest where the stream may not wait, else
 *   block
 * @GST_VLM_QUEUE_POLICY_DROP_OLDEST: what waited longest makes room
 * @GST_VLM_QUEUE_POLICY_DROP_NEWEST: what comes then is left out
 * @GST_VLM_QUEUE_POLICY_BLOCK: the stream waits until there is room
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_QUEUE_POLICY_AUTO,
  GST_VLM_QUEUE_POLICY_DROP_OLDEST,
  GST_VLM_QUEUE_POLICY_DROP_NEWEST,
  GST_VLM_QUEUE_POLICY_BLOCK,
} GstVlmQueuePolicy;

/**
 * GstVlmOnError:
 * @GST_VLM_ON_ERROR_FAIL: a failure is an error of the element
 * @GST_VLM_ON_ERROR_WARN: a failure is a warning, the stream goes on
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_ON_ERROR_FAIL,
  GST_VLM_ON_ERROR_WARN,
} GstVlmOnError;

/**
 * GstVlmGenerateMode:
 * @GST_VLM_GENERATE_MODE_NEVER: no generation prompts
 * @GST_VLM_GENERATE_MODE_AUTO: those that the model writes by itself
 * @GST_VLM_GENERATE_MODE_ALWAYS: every question asks for one
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_GENERATE_MODE_NEVER,
  GST_VLM_GENERATE_MODE_AUTO,
  GST_VLM_GENERATE_MODE_ALWAYS,
} GstVlmGenerateMode;

/**
 * GstVlmReuse:
 * @GST_VLM_REUSE_NONE: nothing
 * @GST_VLM_REUSE_DRAFT: earlier answers foretell tokens, which are then checked
 *   several at a time
 * @GST_VLM_REUSE_PREFIX: what was read already of a prompt's beginning is not
 *   read again
 * @GST_VLM_REUSE_VISION: a picture with the same pixels is not encoded again
 * @GST_VLM_REUSE_BATCH: several answers get their next token in one pass over
 *   the weights
 *
 * Since: 0.1
 */
typedef enum {
  GST_VLM_REUSE_NONE = 0,
  GST_VLM_REUSE_DRAFT = 1 << 0,
  GST_VLM_REUSE_PREFIX = 1 << 1,
  GST_VLM_REUSE_VISION = 1 << 2,
  GST_VLM_REUSE_BATCH = 1 << 3,
} GstVlmReuse;

GType gst_vlm_caption_mode_get_type (void);
GType gst_vlm_precision_get_type (void);
/// Those of GstVlmPrecision that a painter has.
GType gst_vlm_painter_precision_get_type (void);
GType gst_vlm_queue_policy_get_type (void);
GType gst_vlm_on_error_get_type (void);
GType gst_vlm_generate_mode_get_type (void);
GType gst_vlm_reuse_get_type (void);

G_END_DECLS

namespace gstvlm
{

/// A value of an enumeration as users write it.
const char * nick (GType type, gint value);

} // namespace gstvlm
