// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/tokens/tokensmeta.h"

#include <utility>

namespace gstvlm
{
namespace
{

// GStreamer knows its size and nothing else of it.
struct TokensMeta {
  GstMeta meta;
  std::shared_ptr<const Tokens> * tokens;
};

GType
api_type ()
{
  static const GType type = [] {
    static const gchar * tags[] = {GST_META_TAG_VIDEO_STR,
        GST_META_TAG_VIDEO_SIZE_STR, GST_META_TAG_VIDEO_ORIENTATION_STR,
        GST_META_TAG_VIDEO_COLORSPACE_STR, NULL};
    return gst_meta_api_type_register ("GstVlmTokensMetaAPI", tags);
  }();
  return type;
}

TokensMeta *
as_tokens (GstMeta * meta)
{
  return reinterpret_cast<TokensMeta *> (meta);
}

gboolean
init (GstMeta * meta, gpointer, GstBuffer *)
{
  as_tokens (meta)->tokens = new std::shared_ptr<const Tokens> ();
  return TRUE;
}

void
release (GstMeta * meta, GstBuffer *)
{
  delete as_tokens (meta)->tokens;
}

gboolean transform (GstBuffer * target, GstMeta * meta, GstBuffer * source,
    GQuark type, gpointer data);

const GstMetaInfo *
info ()
{
  static const GstMetaInfo * const registered = gst_meta_register (api_type (),
      "GstVlmTokensMeta", sizeof (TokensMeta), init, release, transform);
  return registered;
}

void
attach (GstBuffer * buffer, std::shared_ptr<const Tokens> tokens)
{
  GstMeta * meta = gst_buffer_add_meta (buffer, info (), NULL);
  *as_tokens (meta)->tokens = std::move (tokens);
}

// Only of the whole frame: anything else is another picture.
gboolean
transform (
    GstBuffer * target, GstMeta * meta, GstBuffer *, GQuark type, gpointer data)
{
  if (!GST_META_TRANSFORM_IS_COPY (type) ||
      static_cast<GstMetaTransformCopy *> (data)->region)
    return FALSE;
  attach (target, *as_tokens (meta)->tokens);
  return TRUE;
}

GstVideoRectangle
crop_of (GstBuffer * buffer)
{
  const GstVideoCropMeta * crop = gst_buffer_get_video_crop_meta (buffer);
  if (!crop)
    return {0, 0, 0, 0};
  return {static_cast<gint> (crop->x), static_cast<gint> (crop->y),
      static_cast<gint> (crop->width), static_cast<gint> (crop->height)};
}

bool
same (const GstVideoRectangle &a, const GstVideoRectangle &b)
{
  return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h;
}

} // namespace

bool
Tokens::fit (const std::string &digest) const
{
  const std::string own = source->digest ();
  return own.empty () || own == digest;
}

void
register_tokens_meta ()
{
  info ();
}

void
add_tokens_meta (GstBuffer * buffer, Tokens tokens)
{
  tokens.visible = crop_of (buffer);
  attach (buffer, std::make_shared<const Tokens> (std::move (tokens)));
}

void
remove_tokens_meta (GstBuffer * buffer)
{
  gst_buffer_foreach_meta (
      buffer,
      [] (GstBuffer *, GstMeta ** meta, gpointer) -> gboolean {
        if ((*meta)->info->api == api_type ())
          *meta = NULL; // removes it
        return TRUE;
      },
      NULL);
}

std::shared_ptr<const Tokens>
tokens_of (GstBuffer * buffer)
{
  std::shared_ptr<const Tokens> last;
  gpointer state = NULL;
  while (GstMeta * meta =
             gst_buffer_iterate_meta_filtered (buffer, &state, api_type ()))
    last = *as_tokens (meta)->tokens;
  const bool valid = last && same (last->visible, crop_of (buffer));
  return valid ? last : nullptr;
}

} // namespace gstvlm
