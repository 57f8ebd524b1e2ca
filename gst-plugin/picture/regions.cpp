// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/picture/regions.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#include <algorithm>

namespace gstvlm
{
namespace
{

// Rectangles of others may be any numbers.
gint
clamp (gint64 value)
{
  return static_cast<gint> (std::clamp<gint64> (value, G_MININT, G_MAXINT));
}

std::string
text_of (GQuark label)
{
  const gchar * text = label ? g_quark_to_string (label) : NULL;
  return text && g_utf8_validate (text, -1, NULL) ? text : "";
}

void
add_regions_of_interest (GstBuffer * frame, std::vector<Region> &out)
{
  gpointer state = NULL;
  while (GstMeta * meta = gst_buffer_iterate_meta_filtered (
             frame, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    const auto * roi = reinterpret_cast<GstVideoRegionOfInterestMeta *> (meta);
    out.push_back (
        {{clamp (roi->x), clamp (roi->y), clamp (roi->w), clamp (roi->h)},
            text_of (roi->roi_type), roi->id});
  }
}

#ifdef HAVE_GST_ANALYTICS
bool
holds (const std::vector<Region> &regions, const Region &region)
{
  return std::any_of (
      regions.begin (), regions.end (), [&] (const Region &each) {
        return each.place == region.place && each.label == region.label;
      });
}

void
add_object_detections (GstBuffer * frame, std::vector<Region> &out)
{
  GstAnalyticsRelationMeta * relations =
      gst_buffer_get_analytics_relation_meta (frame);
  if (!relations)
    return;
  gpointer state = NULL;
  GstAnalyticsMtd mtd;
  while (gst_analytics_relation_meta_iterate (
      relations, &state, gst_analytics_od_mtd_get_mtd_type (), &mtd)) {
    auto * detection = reinterpret_cast<GstAnalyticsODMtd *> (&mtd);
    gint x, y, width, height;
    gfloat confidence;
    if (!gst_analytics_od_mtd_get_location (
            detection, &x, &y, &width, &height, &confidence))
      continue;
    const Region region{{x, y, width, height},
        text_of (gst_analytics_od_mtd_get_obj_type (detection)), mtd.id};
    if (!holds (out, region)) // some say it both ways
      out.push_back (region);
  }
}
#endif

gint64
area (const Region &region)
{
  return gint64{region.place.width} * region.place.height;
}

} // namespace

std::vector<Region>
detections (GstBuffer * frame)
{
  std::vector<Region> out;
  add_regions_of_interest (frame, out);
#ifdef HAVE_GST_ANALYTICS
  add_object_detections (frame, out);
#endif
  return out;
}

VisibleRegions
visible_regions (
    std::vector<Region> regions, const Rectangle &visible, size_t limit)
{
  VisibleRegions out;
  for (Region &region : regions) {
    region.place = region.place.within (visible);
    if (region.place.empty ())
      ++out.outside;
    else
      out.regions.push_back (std::move (region));
  }
  std::stable_sort (out.regions.begin (), out.regions.end (),
      [] (const Region &a, const Region &b) { return area (a) > area (b); });
  if (out.regions.size () > limit) {
    out.left_out = out.regions.size () - limit;
    out.regions.resize (limit);
  }
  return out;
}

} // namespace gstvlm
