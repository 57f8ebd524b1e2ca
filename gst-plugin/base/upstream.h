// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

namespace gstvlm
{

/// What a LATENCY query to the peer of a sink pad says. No lock may be held.
inline bool
upstream_is_live (GstPad * pad)
{
  GstQuery * query = gst_query_new_latency ();
  gboolean live = FALSE;
  if (gst_pad_peer_query (pad, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gst_query_unref (query);
  return live;
}

} // namespace gstvlm
