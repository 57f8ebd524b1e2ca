// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/gstvlmenums.h"

GType
gst_vlm_caption_mode_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_CAPTION_MODE_AUTO,
          "Asynchronous behind a live source, synchronous otherwise", "auto"},
      {GST_VLM_CAPTION_MODE_SYNC,
          "A frame that is due waits for its caption; nothing is lost", "sync"},
      {GST_VLM_CAPTION_MODE_ASYNC,
          "Video never waits; a caption rides on the first frame after it",
          "async"},
      {0, NULL, NULL},
  };
  static const GType type =
      g_enum_register_static ("GstVlmCaptionMode", values);
  return type;
}

// Those that a painter has come first.
static const GEnumValue precisions[] = {
    {GST_VLM_PRECISION_AUTO,
        "The checkpoint's own if it is quantised, else bfloat16 where the "
        "machine computes in it, else float32; with a warning int8 or int4 "
        "where nothing else fits into memory",
        "auto"},
    {GST_VLM_PRECISION_FLOAT32, "Weights in 32-bit floating point", "float32"},
    {GST_VLM_PRECISION_BFLOAT16, "Weights in bfloat16, half the memory",
        "bfloat16"},
    {GST_VLM_PRECISION_INT8,
        "Weights and activations in 8-bit integers, a "
        "quarter of the memory",
        "int8"},
    {GST_VLM_PRECISION_INT4,
        "The decoder's weights in 4-bit integers, "
        "towers and activations in 8-bit ones",
        "int4"},
    {0, NULL, NULL},
};

GType
gst_vlm_precision_get_type (void)
{
  static const GType type =
      g_enum_register_static ("GstVlmPrecision", precisions);
  return type;
}

GType
gst_vlm_painter_precision_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_PRECISION_AUTO,
          "bfloat16 where the machine computes in it, else float32", "auto"},
      precisions[1], precisions[2], {0, NULL, NULL}};
  static const GType type =
      g_enum_register_static ("GstVlmPainterPrecision", values);
  return type;
}

GType
gst_vlm_queue_policy_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_QUEUE_POLICY_AUTO,
          "drop-oldest where the stream may not wait, else block", "auto"},
      {GST_VLM_QUEUE_POLICY_DROP_OLDEST, "What waited longest makes room",
          "drop-oldest"},
      {GST_VLM_QUEUE_POLICY_DROP_NEWEST, "What comes then is left out",
          "drop-newest"},
      {GST_VLM_QUEUE_POLICY_BLOCK, "The stream waits until there is room",
          "block"},
      {0, NULL, NULL},
  };
  static const GType type =
      g_enum_register_static ("GstVlmQueuePolicy", values);
  return type;
}

GType
gst_vlm_on_error_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_ON_ERROR_FAIL, "Post an error and end the stream", "fail"},
      {GST_VLM_ON_ERROR_WARN, "Post a warning; the stream goes on", "warn"},
      {0, NULL, NULL},
  };
  static const GType type = g_enum_register_static ("GstVlmOnError", values);
  return type;
}

GType
gst_vlm_generate_mode_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_VLM_GENERATE_MODE_NEVER,
          "Records have no generation prompt, prompt_src stays silent",
          "never"},
      {GST_VLM_GENERATE_MODE_AUTO,
          "Generation prompts that the model writes are passed on; it is asked "
          "for one where the question itself holds <GEN>",
          "auto"},
      {GST_VLM_GENERATE_MODE_ALWAYS,
          "Every question asks for one: \" <GEN>\" is put behind those that do "
          "not hold <GEN>",
          "always"},
      {0, NULL, NULL},
  };
  static const GType type =
      g_enum_register_static ("GstVlmGenerateMode", values);
  return type;
}

GType
gst_vlm_reuse_get_type (void)
{
  static const GFlagsValue values[] = {
      {GST_VLM_REUSE_NONE, "Everything is computed anew", "none"},
      {GST_VLM_REUSE_DRAFT,
          "Earlier answers and the prompt foretell tokens, which are checked "
          "several at a time",
          "draft"},
      {GST_VLM_REUSE_PREFIX,
          "The text before the pictures, and pictures that several questions "
          "are about, are read once",
          "prefix"},
      {GST_VLM_REUSE_VISION,
          "A picture with the pixels of one of the last few is not encoded "
          "again",
          "vision"},
      {GST_VLM_REUSE_BATCH,
          "Answers that are under way at the same time, those of other "
          "elements too, get their next tokens in one pass over the weights",
          "batch"},
      {0, NULL, NULL},
  };
  static const GType type = g_flags_register_static ("GstVlmReuse", values);
  return type;
}

namespace gstvlm
{

const char *
nick (GType type, gint value)
{
  GEnumClass * klass = static_cast<GEnumClass *> (g_type_class_ref (type));
  const GEnumValue * found = g_enum_get_value (klass, value);
  g_type_class_unref (klass); // static types: the strings stay
  return found->value_nick;
}

} // namespace gstvlm
