// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/overlay/captionpainter.h"

#include <algorithm>
#include <cmath>

namespace gstvlm
{
namespace
{

struct CairoFree {
  void operator() (cairo_t * c) const noexcept { cairo_destroy (c); }
  void operator() (cairo_surface_t * s) const noexcept
  {
    cairo_surface_destroy (s);
  }
  void operator() (PangoFontDescription * d) const noexcept
  {
    pango_font_description_free (d);
  }
};
template <typename T> using Cairo = std::unique_ptr<T, CairoFree>;
using Layout = std::unique_ptr<PangoLayout, PangoFree>;

constexpr int kLargestSide = 32767;     // of a cairo picture
constexpr glong kMostCharacters = 2000; // nobody reads more in a picture
constexpr double kLinesPerHeight = 24;  // at font-scale 1
constexpr double kSmallestFont = 8;     // pixels; below nothing is legible
constexpr double kShareOfHeight = 0.45; // for the text at most
constexpr double kMarkSize = 0.7;       // of the font
constexpr double kLeastRoom = 3;        // font sizes in a line, or no box
constexpr double kLeastWidth = 6;       // font sizes, where there is room
constexpr gint kGrid = 4;               // no format shares colours wider

struct Color {
  double r, g, b, a;
};

struct Look {
  Color box, accent, text;
};

Look
look_of (CaptionState state)
{
  switch (state) {
    case CaptionState::Fresh:
      return {{0, 0, 0, 0.75}, {0.3, 0.85, 0.4, 1}, {1, 1, 1, 1}};
    case CaptionState::Held:
      return {{0, 0, 0, 0.6}, {0.4, 0.65, 1, 1}, {0.95, 0.95, 0.95, 1}};
    case CaptionState::Stale:
      break;
  }
  return {{0, 0, 0, 0.45}, {1, 0.7, 0.2, 1}, {0.75, 0.75, 0.75, 1}};
}

// One paragraph, and not longer than anybody reads.
std::string
tidy (const std::string &text)
{
  std::string out;
  glong count = 0;
  for (const char * p = text.c_str (); *p && count < kMostCharacters;
       p = g_utf8_next_char (p), ++count) {
    const gunichar c = g_utf8_get_char (p);
    const GUnicodeType type = g_unichar_type (c);
    const bool breaks = type == G_UNICODE_CONTROL ||
                        type == G_UNICODE_LINE_SEPARATOR ||
                        type == G_UNICODE_PARAGRAPH_SEPARATOR;
    out.append (breaks ? " " : p, breaks ? 1 : g_utf8_next_char (p) - p);
  }
  return out;
}

std::string
age_mark (GstClockTime age)
{
  const guint64 seconds = age / GST_SECOND;
  if (seconds < 120)
    return std::to_string (seconds) + " s old";
  if (seconds < 7200)
    return std::to_string (seconds / 60) + " min old";
  return std::to_string (seconds / 3600) + " h old";
}

// Width of the picture with square pixels.
double
shown_width (const GstVideoInfo &info)
{
  const gint n = GST_VIDEO_INFO_PAR_N (&info), d = GST_VIDEO_INFO_PAR_D (&info);
  const double width = GST_VIDEO_INFO_WIDTH (&info);
  const double square = n > 0 && d > 0 ? width * n / d : width;
  return std::min<double> (square, kLargestSide);
}

Layout
lay_out (PangoContext * context, const std::string &text,
    const std::string &font, double size, double width)
{
  Layout layout (pango_layout_new (context));
  const Cairo<PangoFontDescription> description (
      pango_font_description_from_string (font.c_str ()));
  pango_font_description_set_absolute_size (
      description.get (), size * PANGO_SCALE);
  pango_layout_set_font_description (layout.get (), description.get ());
  pango_layout_set_text (layout.get (), text.c_str (), -1);
  pango_layout_set_width (
      layout.get (), static_cast<int> (width * PANGO_SCALE));
  pango_layout_set_wrap (layout.get (), PANGO_WRAP_WORD_CHAR);
  pango_layout_set_ellipsize (layout.get (), PANGO_ELLIPSIZE_END);
  return layout;
}

struct Size {
  double width = 0, height = 0;
};

Size
size_of (const Layout &layout)
{
  int width, height;
  pango_layout_get_pixel_size (layout.get (), &width, &height);
  return {static_cast<double> (width), static_cast<double> (height)};
}

void
set_color (cairo_t * cairo, const Color &color)
{
  cairo_set_source_rgba (cairo, color.r, color.g, color.b, color.a);
}

void
fill (
    cairo_t * cairo, double x, double y, double w, double h, const Color &color)
{
  set_color (cairo, color);
  cairo_rectangle (cairo, x, y, w, h);
  cairo_fill (cairo);
}

// Lines that run from right to left begin at the far end of the room that the
// layout was given: `x` is where the text begins, whichever way it runs.
void
show (cairo_t * cairo, double x, double y, const Layout &layout,
    const Color &color)
{
  PangoRectangle ink, logical;
  pango_layout_get_pixel_extents (layout.get (), &ink, &logical);
  set_color (cairo, color);
  cairo_move_to (cairo, x - logical.x, y - logical.y);
  pango_cairo_show_layout (cairo, layout.get ());
}

// From red over yellow to green.
void
draw_bar (cairo_t * cairo, double x, double y, double w, double h, double share)
{
  share = std::clamp (share, 0.0, 1.0);
  fill (cairo, x, y, w, h, {1, 1, 1, 0.25});
  fill (cairo, x, y, w * share, h,
      {std::min (1.0, 2 - 2 * share), std::min (1.0, 2 * share), 0.2, 1});
}

} // namespace

// From top to bottom: text, mark, bar; a stripe of the accent's width on the
// left.
struct CaptionPainter::Plan {
  double x, y, width, height;
  double padding, accent, bar_height;
  Size text_size, mark_size;
  Layout text, mark;                ///< no mark unless stale
  std::optional<double> confidence; ///< no bar without one
  Look look;
};

namespace
{

// The box in pixels, on a grid that no format's colours reach across.
GstVideoRectangle
pixels_of (double x, double y, double w, double h, const GstVideoInfo &info)
{
  const auto down = [] (double v) {
    return static_cast<gint> (v) / kGrid * kGrid;
  };
  const auto up = [down] (
                      double v) { return down (std::ceil (v) + kGrid - 1); };
  GstVideoRectangle out{down (x), down (y), 0, 0};
  out.w = std::min (up (x + w), GST_VIDEO_INFO_WIDTH (&info)) - out.x;
  out.h = std::min (up (y + h), GST_VIDEO_INFO_HEIGHT (&info)) - out.y;
  return out;
}

Ptr<GstBuffer>
new_picture (gint width, gint height)
{
  GstBuffer * buffer = gst_buffer_new_allocate (
      NULL, 4 * static_cast<gsize> (width) * height, NULL);
  gst_buffer_add_video_meta (buffer, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, width, height);
  return Ptr<GstBuffer> (buffer);
}

} // namespace

void
CaptionPainter::set_info (const GstVideoInfo &info)
{
  info_ = info;
  content_.reset ();
}

void
CaptionPainter::reset ()
{
  content_.reset ();
  composition_.reset ();
}

GstVideoOverlayComposition *
CaptionPainter::paint (const ShownCaption &caption, const Style &style)
{
  Content content{caption.text, "", caption.state, std::nullopt, style};
  if (caption.state == CaptionState::Stale)
    content.mark = age_mark (caption.age);
  if (style.show_confidence && caption.confidence &&
      std::isfinite (*caption.confidence))
    content.confidence = caption.confidence;
  if (content_ == content)
    return composition_.get ();
  const std::optional<Plan> box = plan (content);
  composition_ = box ? draw (*box) : nullptr;
  content_ = std::move (content);
  return composition_.get ();
}

std::optional<CaptionPainter::Plan>
CaptionPainter::plan (const Content &content)
{
  if (!context_) {
    PangoFontMap * fonts = pango_cairo_font_map_new ();
    context_.reset (pango_font_map_create_context (fonts));
    g_object_unref (fonts);
  }
  const double width = shown_width (info_);
  const double height = GST_VIDEO_INFO_HEIGHT (&info_);
  const double font = std::max (
      height / kLinesPerHeight * content.style.font_scale, kSmallestFont);
  const double margin = font / 2;

  Plan box{};
  box.look = look_of (content.state);
  box.confidence = content.confidence;
  box.padding = font / 2;
  box.accent = std::max (2.0, font / 5);
  const double room = width - 2 * (margin + box.padding) - box.accent;
  if (room < kLeastRoom * font)
    return std::nullopt;

  const std::string &family = content.style.font;
  box.text = lay_out (context_.get (), tidy (content.text), family, font, room);
  pango_layout_set_height (box.text.get (),
      static_cast<int> (height * kShareOfHeight * PANGO_SCALE));
  box.text_size = size_of (box.text);
  if (!content.mark.empty ()) {
    box.mark =
        lay_out (context_.get (), content.mark, family, font * kMarkSize, room);
    box.mark_size = size_of (box.mark);
  }
  box.bar_height = box.confidence ? std::max (2.0, font / 6) : 0;

  box.width = 2 * box.padding + box.accent +
              std::max ({box.text_size.width, box.mark_size.width,
                  std::min (room, kLeastWidth * font)});
  box.height = 2 * (box.padding + box.bar_height) + box.text_size.height +
               box.mark_size.height;
  box.x = (width - box.width) / 2;
  box.y = content.style.top ? margin : height - margin - box.height;
  if (box.height + margin > height)
    return std::nullopt;
  return box;
}

// Null when the picture cannot be made: its sides are limited.
Ptr<GstVideoOverlayComposition>
CaptionPainter::draw (const Plan &box)
{
  const double scale = GST_VIDEO_INFO_WIDTH (&info_) / shown_width (info_);
  const GstVideoRectangle area =
      pixels_of (box.x * scale, box.y, box.width * scale, box.height, info_);
  const Ptr<GstBuffer> picture = new_picture (area.w, area.h);
  GstMapInfo map;
  if (!gst_buffer_map (picture.get (), &map, GST_MAP_WRITE))
    return nullptr;
  const bool drawn = draw_box (box, area, scale, map.data);
  gst_buffer_unmap (picture.get (), &map);
  if (!drawn)
    return nullptr;
  const Ptr<GstVideoOverlayRectangle> rectangle (
      gst_video_overlay_rectangle_new_raw (picture.get (), area.x, area.y,
          area.w, area.h, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
  return Ptr<GstVideoOverlayComposition> (
      gst_video_overlay_composition_new (rectangle.get ()));
}

bool
CaptionPainter::draw_box (const Plan &box, const GstVideoRectangle &area,
    double scale, unsigned char * data)
{
  const Cairo<cairo_surface_t> surface (cairo_image_surface_create_for_data (
      data, CAIRO_FORMAT_ARGB32, area.w, area.h, 4 * area.w));
  const Cairo<cairo_t> owner (cairo_create (surface.get ()));
  cairo_t * cairo = owner.get ();
  set_color (cairo, box.look.box);
  cairo_set_operator (cairo, CAIRO_OPERATOR_SOURCE);
  cairo_paint (cairo);
  cairo_set_operator (cairo, CAIRO_OPERATOR_OVER);

  cairo_translate (cairo, -area.x, -area.y);
  cairo_scale (cairo, scale, 1);
  fill (cairo, box.x, box.y, box.accent, box.height, box.look.accent);
  const double left = box.x + box.accent + box.padding;
  const double width = box.width - box.accent - 2 * box.padding;
  double y = box.y + box.padding;
  show (cairo, left, y, box.text, box.look.text);
  y += box.text_size.height;
  if (box.mark)
    show (cairo, left + width - box.mark_size.width, y, box.mark,
        box.look.accent);
  y += box.mark_size.height + box.bar_height;
  if (box.confidence)
    draw_bar (cairo, left, y, width, box.bar_height, *box.confidence);
  cairo_surface_flush (surface.get ());
  return cairo_status (cairo) == CAIRO_STATUS_SUCCESS;
}

} // namespace gstvlm
