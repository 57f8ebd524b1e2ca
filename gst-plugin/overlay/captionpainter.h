// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst-plugin/overlay/showncaption.h"

#include <pango/pangocairo.h>

namespace gstvlm
{

struct PangoFree {
  void operator() (gpointer object) const noexcept { g_object_unref (object); }
};

/// Draws captions as boxes to be blended with a video of given size. A box is
/// drawn again only when something in it changes. One thread at a time.
class CaptionPainter
{
public:
  struct Style {
    std::string font = "Sans"; ///< Pango's notation; its size does not count
    double font_scale = 1;
    bool top = false;
    bool show_confidence = true;
    bool operator== (const Style &o) const
    {
      return font == o.font && font_scale == o.font_scale && top == o.top &&
             show_confidence == o.show_confidence;
    }
  };

  void set_info (const GstVideoInfo &info);
  void reset ();

  /// What to blend; null when the video is too small to hold a line of text.
  /// Stays valid until the next call.
  GstVideoOverlayComposition * paint (
      const ShownCaption &caption, const Style &style);

private:
  // All that a box depends on.
  struct Content {
    std::string text, mark; ///< the mark says how old it is
    CaptionState state;
    std::optional<double> confidence;
    Style style;
    bool operator== (const Content &o) const
    {
      return text == o.text && mark == o.mark && state == o.state &&
             confidence == o.confidence && style == o.style;
    }
  };
  // In square pixels of the size that the picture is shown with.
  struct Plan;

  std::optional<Plan> plan (const Content &content);
  Ptr<GstVideoOverlayComposition> draw (const Plan &box);
  static bool draw_box (const Plan &box, const GstVideoRectangle &area,
      double scale, unsigned char * data);

  GstVideoInfo info_{};
  std::unique_ptr<PangoContext, PangoFree> context_;
  std::optional<Content> content_; ///< what `composition_` shows
  Ptr<GstVideoOverlayComposition> composition_;
};

} // namespace gstvlm
