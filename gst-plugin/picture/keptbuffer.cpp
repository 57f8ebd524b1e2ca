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

// Memory of devices and of other processes is always scarce.
bool
is_of_the_system (GstBuffer * buffer)
{
  for (guint i = 0; i < gst_buffer_n_memory (buffer); ++i)
    if (!gst_memory_is_type (
            gst_buffer_peek_memory (buffer, i), GST_ALLOCATOR_SYSMEM))
      return false;
  return true;
}

// Since GStreamer 1.26 the copy of a pool's buffer refers to it.
bool
is_borrowed (GstBuffer * buffer)
{
  if (is_limited (buffer->pool) || !is_of_the_system (buffer))
    return true;
  gpointer state = NULL;
  while (GstMeta * meta = gst_buffer_iterate_meta_filtered (
             buffer, &state, GST_PARENT_BUFFER_META_API_TYPE))
    if (is_borrowed (reinterpret_cast<GstParentBufferMeta *> (meta)->buffer))
      return true;
  return false;
}

// All, or those that refer to `parent`.
void
remove_parents (GstBuffer * buffer, GstBuffer * parent)
{
  gst_buffer_foreach_meta (
      buffer,
      [] (GstBuffer *, GstMeta ** meta, gpointer only) -> gboolean {
        if ((*meta)->info->api == GST_PARENT_BUFFER_META_API_TYPE &&
            (!only || reinterpret_cast<GstParentBufferMeta *> (*meta)->buffer ==
                          only))
          *meta = NULL; // removes it
        return TRUE;
      },
      parent);
}

// A buffer of its own over the same memory: metas are going to be added to the
// one that passes.
Ptr<GstBuffer>
shared_copy (GstBuffer * buffer)
{
  Ptr<GstBuffer> copy (gst_buffer_copy (buffer));
  remove_parents (copy.get (), buffer);
  return copy;
}

// Memory that cannot be read leaves a buffer that is too small: whoever reads
// the frame says so.
Ptr<GstBuffer>
own_copy (GstBuffer * buffer)
{
  const gsize size = gst_buffer_get_size (buffer);
  GstMemory * memory = gst_allocator_alloc (NULL, size, NULL);
  GstMapInfo map;
  gsize read = 0;
  if (gst_memory_map (memory, &map, GST_MAP_WRITE)) {
    read = gst_buffer_extract (buffer, 0, map.data, size);
    gst_memory_unmap (memory, &map);
  }
  gst_memory_resize (memory, 0, read);
  Ptr<GstBuffer> copy (gst_buffer_copy (buffer));
  remove_parents (copy.get (), NULL);
  gst_buffer_replace_all_memory (copy.get (), memory);
  return copy;
}

} // namespace

void
FrameKeeper::arrived (GstBuffer * buffer)
{
  kept_.reset ();
  borrowed_ = is_borrowed (buffer);
}

Ptr<GstBuffer>
FrameKeeper::keep (GstBuffer * buffer)
{
  if (!kept_)
    kept_ = borrowed_ ? own_copy (buffer) : shared_copy (buffer);
  return Ptr<GstBuffer> (gst_buffer_ref (kept_.get ()));
}

} // namespace gstvlm
