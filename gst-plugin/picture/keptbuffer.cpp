// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/picture/keptbuffer.h"

namespace gstvlm
{
namespace
{

bool
is_limited (GstBufferPool * pool)
{
  if (!pool)
    return false;
  GstStructure * config = gst_buffer_pool_get_config (pool);
  guint most = 0;
  gst_buffer_pool_config_get_params (config, NULL, NULL, NULL, &most);
  gst_structure_free (config);
  return most > 0;
}

} // namespace

// Since GStreamer 1.26 the copy of a pool's buffer refers to it.
Ptr<GstBuffer>
shared_copy (GstBuffer * buffer)
{
  Ptr<GstBuffer> copy (gst_buffer_copy (buffer));
  gst_buffer_foreach_meta (
      copy.get (),
      [] (GstBuffer *, GstMeta ** meta, gpointer original) -> gboolean {
        if ((*meta)->info->api == GST_PARENT_BUFFER_META_API_TYPE &&
            reinterpret_cast<GstParentBufferMeta *> (*meta)->buffer == original)
          *meta = NULL; // removes it
        return TRUE;
      },
      buffer);
  return copy;
}

Ptr<GstBuffer>
keepable (GstBuffer * buffer)
{
  return is_limited (buffer->pool)
             ? Ptr<GstBuffer> (gst_buffer_copy_deep (buffer))
             : shared_copy (buffer);
}

} // namespace gstvlm
